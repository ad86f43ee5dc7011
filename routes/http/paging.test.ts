import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe as group, expect, it } from 'vitest';
import { z } from 'zod';
import { CURSOR_TTL_SECONDS } from '../../domain/paging/cursor.ts';
import { pageQuery, readPage, writePage, type Filters, type PagedContext } from './paging.ts';

const key = new Uint8Array(32).fill(7);
const mac = (message: Uint8Array): Uint8Array => hmac(sha256, key, message);
const START = new Date('2030-01-01T00:00:00.000Z');
const depsAt = (now: Date) => ({
  keys: { cursorMac: mac, auditMac: mac, macWith: () => mac },
  clock: { now: () => now },
});
const deps = depsAt(START);
const asking = (limit: number, cursor?: string): PagedContext => ({
  req: { valid: () => ({ limit, cursor }) },
});
const next = { createdAt: '2029-12-31T00:00:00.000Z', id: '7f1c0a52-6a0e-4d0a-8f43-0d8a3c1f2b11' };

const written = (filters?: Filters): string => {
  const page = writePage(deps, { items: [1, 2], next }, (item) => item * 10, 'user:a', 'tasks', filters);
  expect(page.items).toEqual([10, 20]);
  return page.next_cursor ?? '';
};

group('pages', () => {
  const query = z.strictObject(pageQuery);

  it('has a default limit', () => expect(query.parse({})).toEqual({ limit: 50 }));

  it.each(['0', '-1', '1e9', '1000000000', '201', '"5"', '', ' 5', '5.0', '0x10', '05', 'NaN', '٥'])(
    'X-32 refuses the limit %j',
    (limit) => expect(query.safeParse({ limit }).success).toBe(false),
  );

  it('X-32 refuses arrays and takes plain digits', () => {
    expect(query.safeParse({ limit: ['5', '6'] }).success).toBe(false);
    expect(query.parse({ limit: '200' })).toEqual({ limit: 200 });
  });

  it('goes on where the page before ended', () => {
    expect(readPage(deps, asking(5), 'user:a', 'tasks')).toEqual({ limit: 5, after: null });
    expect(readPage(deps, asking(5, written()), 'user:a', 'tasks')).toEqual({ limit: 5, after: next });
  });

  it('says the end with null', () => {
    const page = writePage(deps, { items: [], next: null }, String, 'user:a', 'tasks');
    expect(page).toEqual({ items: [], next_cursor: null });
  });

  it('X-43 refuses a cursor of another holder, resource or filter, or an expired or changed one', () => {
    const cursor = written({ status: 'active' });
    const read = (holder: string, resource: string, filters: Filters, text = cursor, at = deps) =>
      readPage(at, asking(5, text), holder, resource, filters);
    expect(read('user:a', 'tasks', { status: 'active', other: undefined }).after).toEqual(next);
    const refused: unknown = expect.objectContaining({ code: 'invalid_cursor' });
    expect(() => read('user:b', 'tasks', { status: 'active' })).toThrow(refused);
    expect(() => read('user:a', 'notes', { status: 'active' })).toThrow(refused);
    expect(() => read('user:a', 'tasks', { status: 'revoked' })).toThrow(refused);
    expect(() => read('user:a', 'tasks', {})).toThrow(refused);
    const late = depsAt(new Date(START.getTime() + CURSOR_TTL_SECONDS * 1000));
    expect(() => read('user:a', 'tasks', { status: 'active' }, cursor, late)).toThrow(refused);
    const changed = (cursor.startsWith('A') ? 'B' : 'A') + cursor.slice(1);
    expect(() => read('user:a', 'tasks', { status: 'active' }, changed)).toThrow(refused);
  });
});
