import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from '../bytes.ts';
import {
  CURSOR_TTL_SECONDS,
  decodeCursor,
  encodeCursor,
  expiryOf,
  openCursor,
  sealCursor,
  type Mac,
} from './cursor.ts';

const macOf =
  (key: string): Mac =>
  (message) =>
    hmac(sha256, new TextEncoder().encode(key), message);
const mac = macOf('k'.repeat(32));
const now = new Date('2026-06-01T00:00:00Z');
const binding = { holder: 'grant-1', resource: 'tasks', filters: 'v1' };
const position = { createdAt: '2026-05-01T10:00:00.123Z', id: '00000000-0000-4000-8000-000000000001' };
const cursor = encodeCursor(mac, binding, position, now);

describe('cursor', () => {
  it('comes back as it went in', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (id, date) => {
          const place = { createdAt: date.toISOString(), id };
          expect(decodeCursor(mac, binding, encodeCursor(mac, binding, place, now), now)).toEqual(place);
        },
      ),
    );
  });

  it('X-43 is refused with any single bit flipped', () => {
    const bytes = Uint8Array.from(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
      c.charCodeAt(0),
    );
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const text = btoa(String.fromCharCode(...changed))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '');
      expect(decodeCursor(mac, binding, text, now)).toBeNull();
    }
  });

  it('X-43 is refused with any character changed, added or removed', () => {
    for (let index = 0; index < cursor.length; index += 1) {
      for (const replacement of ['A', 'z', '-', '=', ' ', '%']) {
        if (cursor[index] === replacement) continue;
        expect(
          decodeCursor(mac, binding, cursor.slice(0, index) + replacement + cursor.slice(index + 1), now),
        ).toBeNull();
      }
      expect(decodeCursor(mac, binding, cursor.slice(0, index) + cursor.slice(index + 1), now)).toBeNull();
    }
  });

  it('X-43 is refused for another grant, resource, filter or key', () => {
    expect(decodeCursor(mac, { ...binding, holder: 'grant-2' }, cursor, now)).toBeNull();
    expect(decodeCursor(mac, { ...binding, resource: 'notes' }, cursor, now)).toBeNull();
    expect(decodeCursor(mac, { ...binding, filters: 'v2' }, cursor, now)).toBeNull();
    expect(decodeCursor(macOf('x'.repeat(32)), binding, cursor, now)).toBeNull();
  });

  it('X-43 expires', () => {
    const end = now.getTime() + CURSOR_TTL_SECONDS * 1000;
    expect(decodeCursor(mac, binding, cursor, new Date(end - 1))).toEqual(position);
    expect(decodeCursor(mac, binding, cursor, new Date(end))).toBeNull();
  });

  it('refuses garbage without throwing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.base64String()),
        (text) => decodeCursor(mac, binding, text, now) === null,
      ),
    );
  });

  it('does not confuse the parts of its binding', () => {
    const a = encodeCursor(mac, { holder: 'a', resource: 'b', filters: 'c' }, position, now);
    expect(decodeCursor(mac, { holder: 'a","b', resource: '', filters: 'c' }, a, now)).toBeNull();
  });
});

describe('MUTANTS cursor what is under a good seal is still read strictly', () => {
  const sealed = (payload: string): string => sealCursor(mac, binding, payload);
  const { createdAt, id } = position;
  const end = String(expiryOf(now));
  const read = (payload: string) => decodeCursor(mac, binding, sealed(payload), now);

  it('lasts a day, in whole seconds', () => {
    expect(CURSOR_TTL_SECONDS).toBe(86_400);
    expect(expiryOf(new Date(1_999))).toBe(86_401);
    expect(read(`${createdAt}|${id}|${end}`)).toEqual(position);
  });

  it.each([
    ['something before', `x${createdAt}|${id}|${end}`],
    ['something after', `${createdAt}|${id}|${end}x`],
    ['another part', `${createdAt}|${id}|${end}|1`],
    ['no end', `${createdAt}|${id}`],
    ['an empty end', `${createdAt}|${id}|`],
    ['an end of thirteen digits', `${createdAt}|${id}|${'9'.repeat(13)}`],
    ['a short id', `${createdAt}|${id.slice(1)}|${end}`],
    ['a long id', `${createdAt}|${id}0|${end}`],
    ['an id in upper case', `${createdAt}|${id.replace('0', 'A')}|${end}`],
    ['a year of five digits', `1${createdAt}|${id}|${end}`],
    ['a month of three digits', `2026-005-01T10:00:00.123Z|${id}|${end}`],
    ['a day of three digits', `2026-05-001T10:00:00.123Z|${id}|${end}`],
    ['an hour of three digits', `2026-05-01T010:00:00.123Z|${id}|${end}`],
    ['a minute of three digits', `2026-05-01T10:000:00.123Z|${id}|${end}`],
    ['a second of three digits', `2026-05-01T10:00:000.123Z|${id}|${end}`],
    ['milliseconds of four digits', `2026-05-01T10:00:00.1234Z|${id}|${end}`],
    ['no milliseconds', `2026-05-01T10:00:00.Z|${id}|${end}`],
    ['nothing at all', ''],
  ])('not with %s', (_what, payload) => expect(read(payload)).toBeNull());

  it('is at most 512 characters long, and a longer one is not looked at', () => {
    const of = (length: number): string => sealed('x'.repeat(length));
    expect(of(368)).toHaveLength(512);
    expect(openCursor(mac, binding, of(368))).toBe('x'.repeat(368));
    expect(of(369).length).toBeGreaterThan(512);
    expect(openCursor(mac, binding, of(369))).toBeNull();
  });

  it('is more than its seal, sixteen octets of it, and text', () => {
    expect(openCursor(mac, binding, toBase64Url(new Uint8Array(16)))).toBeNull();
    expect(openCursor(mac, binding, sealed(''))).toBeNull();
    expect(openCursor(mac, binding, sealed('x'))).toBe('x');
    expect(fromBase64Url(sealed('x'))).toHaveLength(17);
    const open: Mac = () => new Uint8Array(32);
    const noText = Uint8Array.from([...new Uint8Array(16), 0xff]);
    expect(openCursor(open, binding, toBase64Url(noText))).toBeNull();
  });

  it('is sealed under a label of its own: the key makes other seals too', () => {
    const seen: string[] = [];
    const listening: Mac = (message) => {
      seen.push(new TextDecoder().decode(message));
      return mac(message);
    };
    sealCursor(listening, binding, 'x');
    expect(seen).toEqual(['["mosaic-cursor-1","grant-1","tasks","v1","x"]']);
  });
});
