import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from './base64.ts';

describe('base64', () => {
  it('is what Node makes of it, at every length and across its own chunks', () => {
    for (const length of [0, 1, 2, 3, 4, 255, 8_191, 8_192, 8_193, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 31) % 256);
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    }
  });

  it('reads nothing else', () => {
    expect(fromBase64('not base64!')).toBeNull();
  });
});
