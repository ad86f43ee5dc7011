import fc from 'fast-check';
import { expect, it } from 'vitest';
import { portableHashing } from '../../../kernel/mac.ts';
import { nodeHashing } from './hashing.ts';

it('gives the bytes that every other runtime gives, each call on its own', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc.uint8Array({ maxLength: 500 }),
      (key, message) => {
        expect(Uint8Array.from(nodeHashing.sha256(message))).toEqual(portableHashing.sha256(message));
        const mac = nodeHashing.macWith(key);
        const expected = portableHashing.macWith(key)(message);
        expect(Uint8Array.from(mac(message))).toEqual(expected);
        expect(Uint8Array.from(mac(message))).toEqual(expected);
      },
    ),
  );
});
