import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readTake, TAKE_SCRIPT, TAKE_SCRIPT_SHA1 } from './token-bucket.ts';

describe('the script of the token bucket', () => {
  it('has the digest by which servers find it', () => {
    expect(createHash('sha1').update(TAKE_SCRIPT).digest('hex')).toBe(TAKE_SCRIPT_SHA1);
  });

  it('has an answer that is read strictly', () => {
    expect(readTake([1, 59, 0])).toEqual({ allowed: true, remaining: 59, retryAfterSeconds: 0 });
    expect(readTake(['0', '0', '2'])).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 2 });
    for (const reply of [null, 'OK', 1, [], [1], [1, 2], [1, 'x', 0], [[1], null, 'y']]) {
      expect(() => readTake(reply)).toThrow(expect.objectContaining({ code: 'unavailable' }) as Error);
    }
  });
});
