import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CURSOR_TTL_SECONDS, decodeCursor, encodeCursor, type Mac } from './cursor.ts';

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
