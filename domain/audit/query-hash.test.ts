import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import canonicalize from 'canonicalize';
import { describe, expect, it } from 'vitest';
import type { Mac } from '../paging/cursor.ts';
import { outcomeOf } from './entry.ts';
import { queryHash } from './entry.ts';

const macOf =
  (byte: number): Mac =>
  (message) =>
    hmac(sha256, new Uint8Array(32).fill(byte), message);
const canon = (value: unknown): string => canonicalize(value) ?? '';

describe('queryHash', () => {
  it('M4-5 is a hash of fixed length that holds no part of the query', () => {
    const hash = queryHash(macOf(1), canon, 'search', { q: 'redundancy list' });
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hash).not.toContain('redundancy');
  });

  it('is the same for the same query in another order of keys', () => {
    expect(queryHash(macOf(1), canon, 'list', { a: 1, b: 'x' })).toBe(
      queryHash(macOf(1), canon, 'list', { b: 'x', a: 1 }),
    );
  });

  it('differs by key, verb and value', () => {
    const hashes = new Set([
      queryHash(macOf(1), canon, 'list', { a: 1 }),
      queryHash(macOf(2), canon, 'list', { a: 1 }),
      queryHash(macOf(1), canon, 'get', { a: 1 }),
      queryHash(macOf(1), canon, 'list', { a: '1' }),
    ]);
    expect(hashes.size).toBe(4);
  });
});

describe('outcomeOf', () => {
  it.each([
    [200, 'allowed'],
    [304, 'allowed'],
    [400, 'denied'],
    [429, 'denied'],
    [500, 'error'],
    [503, 'error'],
  ] as const)('%i is %s', (status, outcome) => {
    expect(outcomeOf(status)).toBe(outcome);
  });
});
