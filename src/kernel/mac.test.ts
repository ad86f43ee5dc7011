import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { queryHash } from '../../domain/audit/entry.ts';
import { hashText, macWith, toBase64Url } from './mac.ts';

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const canonical = (value: unknown): string => canonicalize(value) ?? '';

describe('keyed hashing', () => {
  it('is HMAC-SHA-256 as WebCrypto makes it, each call on its own', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array(),
        async (key, message) => {
          const imported = await crypto.subtle.importKey(
            'raw',
            new Uint8Array(key),
            { name: 'HMAC', hash: 'SHA-256' },
            false,
            ['sign'],
          );
          const expected = hex(
            new Uint8Array(await crypto.subtle.sign('HMAC', imported, new Uint8Array(message))),
          );
          const mac = macWith(key);
          expect(hex(mac(message))).toBe(expected);
          expect(hex(mac(message))).toBe(expected);
        },
      ),
    );
  });

  it('SHA-256 of a text is the known one', () => {
    expect(hashText('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(toBase64Url(utf8('a?>~'))).toBe('YT8-fg');
  });

  it('M4-5 the hash of a query holds no part of it, and differs by key, verb and parameters', () => {
    const key = macWith(new Uint8Array(32).fill(1));
    const hash = (mac: typeof key, verb: string, id: string): string =>
      queryHash(mac, canonical, verb, { resource: 'tasks', id });
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.string({ minLength: 4 }), (one, other) => {
        expect(hash(key, 'get', one)).toMatch(/^[0-9a-f]{64}$/);
        expect(hash(key, 'get', one).includes(one)).toBe(false);
        expect(hash(key, 'get', one)).toBe(hash(key, 'get', one));
        expect(hash(key, 'get', one)).not.toBe(hash(key, 'list', one));
        expect(hash(key, 'get', one)).not.toBe(hash(macWith(new Uint8Array(32)), 'get', one));
        if (one.toWellFormed() !== other.toWellFormed())
          expect(hash(key, 'get', one)).not.toBe(hash(key, 'get', other));
      }),
    );
  });

  it('does not depend on the order of parameters', () => {
    const mac = macWith(new Uint8Array(32));
    expect(queryHash(mac, canonical, 'list', { limit: 5, cursor: null })).toBe(
      queryHash(mac, canonical, 'list', { cursor: null, limit: 5 }),
    );
  });
});
