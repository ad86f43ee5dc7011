import { expect, it } from 'vitest';
import { nodeHashing } from '../runtimes/node/boot/hashing.ts';
import { setupTokenOf } from './setup-token.ts';

it('F-44 a setup token is of the sealing key alone, the same on every runtime, and nobody else’s', () => {
  const key = new Uint8Array(32).fill(7);
  const token = setupTokenOf(key);
  expect(token).toMatch(/^setup_[A-Za-z0-9_-]{32}$/);
  expect(setupTokenOf(key, nodeHashing)).toBe(token);
  expect(setupTokenOf(new Uint8Array(32).fill(8))).not.toBe(token);
});
