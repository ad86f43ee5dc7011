import fc from 'fast-check';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { RESOURCES } from '../resources.ts';
import { CURSOR_TTL_SECONDS, decodeCursor, encodeCursor, expiryOf, sealCursor, type Mac } from './cursor.ts';
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

describe('MUTANTS search-cursor what is under a good seal is still read strictly', () => {
  const list = {
    holder: 'grant',
    resource: 'search',
    filters: JSON.stringify([3, ['notes', 'tasks'], 'wombat']),
  };
  const parts = [
    '0.5',
    now.toISOString(),
    'tasks',
    '00000000-0000-4000-8000-000000000001',
    String(expiryOf(now)),
  ];
  const read = (place: number, text: string) =>
    decodeSearchCursor(mac, binding, sealCursor(mac, list, parts.with(place, text).join('|')), now);

  it.each(['0', '1', '0.5', '1e-20', '6.25e-7'])('a rank of %s is one', (rank) =>
    expect(read(0, rank)?.rank).toBe(Number(rank)),
  );

  it.each([
    [0, ''],
    [0, '-1'],
    [0, '.5'],
    [0, '0.'],
    [0, '12'],
    [0, '1e5'],
    [0, '1e-'],
    [0, 'x0'],
    [1, '2026-01-01T00:00:00Z'],
    [1, '12026-01-01T00:00:00.000Z'],
    [1, '2026-001-01T00:00:00.000Z'],
    [1, '2026-01-001T00:00:00.000Z'],
    [1, '2026-01-01T000:00:00.000Z'],
    [1, '2026-01-01T00:000:00.000Z'],
    [1, '2026-01-01T00:00:000.000Z'],
    [1, '2026-01-01T00:00:00.0000Z'],
    [2, ''],
    [2, 'gone'],
    [2, 'Tasks'],
    [3, '00000000-0000-4000-8000-00000000000'],
    [3, '00000000-0000-4000-8000-0000000000011'],
    [4, ''],
    [4, '9'.repeat(13)],
    [4, `${String(expiryOf(now))}x`],
    [4, '0'],
  ])('part %d is not %j', (place, text) => expect(read(place, text)).toBeNull());

  it('ends at its time and not before', () => {
    const cursor = sealCursor(mac, list, parts.join('|'));
    const end = expiryOf(now) * 1_000;
    expect(decodeSearchCursor(mac, binding, cursor, new Date(end - 1))).not.toBeNull();
    expect(decodeSearchCursor(mac, binding, cursor, new Date(end))).toBeNull();
  });

  it('is for a choice of resources, or for all of them, or for a person without a version', () => {
    const seal = (filters: unknown) =>
      sealCursor(mac, { ...list, filters: JSON.stringify(filters) }, parts.join('|'));
    const open = (over: Partial<SearchBinding>, filters: unknown) =>
      decodeSearchCursor(mac, { ...binding, ...over }, seal(filters), now) !== null;
    expect(open({ resources: null }, [3, null, 'wombat'])).toBe(true);
    expect(open({ version: null }, [null, ['notes', 'tasks'], 'wombat'])).toBe(true);
    expect(open({ resources: ['tasks', 'notes'] }, [3, ['notes', 'tasks'], 'wombat'])).toBe(true);
    expect(open({ resources: null }, [3, [], 'wombat'])).toBe(false);
  });
});
