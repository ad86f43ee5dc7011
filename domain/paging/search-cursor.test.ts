import fc from 'fast-check';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { RESOURCES } from '../resources.ts';
import { CURSOR_TTL_SECONDS, decodeCursor, encodeCursor, type Mac } from './cursor.ts';
import { decodeSearchCursor, encodeSearchCursor, type SearchBinding } from './search-cursor.ts';

const mac: Mac = (message) => hmac(sha256, new Uint8Array(32).fill(1), message);
const now = new Date('2026-01-01T00:00:00.000Z');
const binding: SearchBinding = {
  holder: 'grant',
  version: 3,
  query: 'wombat',
  resources: ['tasks', 'notes'],
};
const position = fc.record({
  rank: fc.oneof(
    fc.float({ min: 0, max: 1, noNaN: true }).map((rank) => Number(Math.abs(rank).toPrecision(8))),
    fc.constantFrom(0, 1, 1e-20, 0.60792714),
  ),
  createdAt: fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
    .map((date) => date.toISOString()),
  resource: fc.constantFrom(...RESOURCES),
  id: fc.uuid(),
});

describe('the cursor of a search', () => {
  it('reads back exactly what was written, and holds nothing of the query', () => {
    fc.assert(
      fc.property(position, (given) => {
        const cursor = encodeSearchCursor(mac, binding, given, now);
        expect(cursor.length).toBeLessThanOrEqual(512);
        expect(decodeSearchCursor(mac, binding, cursor, now)).toEqual(given);
        expect(atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('wombat');
      }),
    );
  });

  const given = {
    rank: 0.5,
    createdAt: now.toISOString(),
    resource: 'tasks',
    id: '00000000-0000-4000-8000-000000000001',
  } as const;
  const cursor = encodeSearchCursor(mac, binding, given, now);

  it('X-43 is refused with any bit flipped', () => {
    const bytes = Uint8Array.from(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
      c.charCodeAt(0),
    );
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const text = btoa(String.fromCharCode(...flipped))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '');
      expect(decodeSearchCursor(mac, binding, text, now)).toBeNull();
    }
  });

  it('X-43 is refused for another grant, version, query, choice of resources or key, when expired, and as a list’s', () => {
    const read = (over: Partial<SearchBinding>) =>
      decodeSearchCursor(mac, { ...binding, ...over }, cursor, now);
    expect(read({})).toEqual(given);
    expect(read({ resources: ['notes', 'tasks'] })).toEqual(given);
    for (const other of [
      { holder: 'other' },
      { version: 4 },
      { query: 'Wombat' },
      { resources: ['tasks'] as const },
      { resources: null },
    ])
      expect(read(other)).toBeNull();
    const another: Mac = (message) => hmac(sha256, new Uint8Array(32), message);
    expect(decodeSearchCursor(another, binding, cursor, now)).toBeNull();
    const later = new Date(now.getTime() + CURSOR_TTL_SECONDS * 1000);
    expect(decodeSearchCursor(mac, binding, cursor, later)).toBeNull();
    const lists = {
      holder: 'grant',
      resource: 'search',
      filters: JSON.stringify([3, ['notes', 'tasks'], 'wombat']),
    };
    expect(decodeCursor(mac, lists, cursor, now)).toBeNull();
    expect(decodeSearchCursor(mac, binding, encodeCursor(mac, lists, given, now), now)).toBeNull();
  });
});
