import { describe, expect, it } from 'vitest';
import { MAX_RANGES } from '../../../domain/search/highlight.ts';
import { readSearchPage } from './answers.ts';
import { readHits } from './hits.ts';

const id = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const hit = (rank: unknown, n: number, over: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: id(n),
  owner_id: null,
  team_id: id(9),
  created_at: '2026-01-31T09:00:00.000Z',
  updated_at: '2026-01-31T09:00:00.000Z',
  title: 'wombat',
  body: null,
  _resource: 'notes',
  _rank: rank,
  _highlights: { title: [[0, 6]] },
  ...over,
});
const one = (over: Record<string, unknown>) => readHits([hit(0.5, 1, over)], null, 5);

describe('hits of a peer', () => {
  it('are taken with exactly what is known of them', () => {
    const [read] =
      one({ secret: 'canary', _extra: 1, _highlights: { title: [[0, 6]], secret: [[0, 1]] } }) ?? [];
    expect(read).toMatchObject({ resource: 'notes', rank: 0.5, highlights: { title: [[0, 6]] } });
    expect(JSON.stringify(read)).not.toMatch(/secret|extra|canary/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -0.1, 1.1, '0.5', null, undefined])(
    'are refused with the rank %s',
    (rank) => {
      expect(readHits([hit(rank, 1)], null, 5)).toBeNull();
    },
  );

  it.each([
    ['no object', []],
    ['null', null],
    ['no ranges', { title: 'x' }],
    ['a range beyond the text', { title: [[0, 7]] }],
    ['a range of a text that is not there', { body: [[0, 1]] }],
    ['an empty range', { title: [[2, 2]] }],
    ['a range that ends before it starts', { title: [[3, 1]] }],
    [
      'overlapping ranges',
      {
        title: [
          [0, 3],
          [2, 4],
        ],
      },
    ],
    ['half a character’s place', { title: [[0, 1.5]] }],
    ['a negative place', { title: [[-1, 2]] }],
    ['three places', { title: [[0, 1, 2]] }],
    ['too many ranges', { title: Array.from({ length: MAX_RANGES + 1 }, (_, index) => [index, index + 1]) }],
  ])('are refused with highlights that are %s', (_name, highlights) => {
    expect(one({ _highlights: highlights, title: 'w'.repeat(6) })).toBeNull();
  });

  it('are refused where a row of a list would be, of another resource than asked for, and of none', () => {
    expect(one({ title: null })).toBeNull();
    expect(one({ created_at: 'yesterday' })).toBeNull();
    expect(one({ _resource: 'users' })).toBeNull();
    expect(one({ _resource: 'tasks' })).toBeNull();
    expect(readHits([hit(0.5, 1)], ['tasks'], 5)).toBeNull();
    expect(readHits([hit(0.5, 1)], ['tasks', 'notes'], 5)).toHaveLength(1);
  });

  it('come in order, each once, and no more than asked for', () => {
    expect(readHits([hit(0.5, 2), hit(0.5, 1), hit(0.25, 3)], null, 3)).toHaveLength(3);
    expect(readHits([hit(0.25, 2), hit(0.5, 1)], null, 3)).toBeNull();
    expect(readHits([hit(0.5, 1), hit(0.5, 2)], null, 3)).toBeNull();
    expect(readHits([hit(0.5, 1), hit(0.5, 1)], null, 3)).toBeNull();
    expect(readHits([hit(0.5, 2), hit(0.5, 1)], null, 1)).toBeNull();
  });

  it('make a page that leads somewhere or ends', () => {
    const read = readSearchPage(null, 5);
    expect(read({ items: [hit(0.5, 1)], next_cursor: 'abc' })?.next).toBe('abc');
    expect(read({ items: [], next_cursor: null })).toEqual({ rows: [], next: null });
    for (const bad of [
      null,
      [],
      { items: [], next_cursor: 'abc' },
      { items: [hit(0.5, 1)] },
      { items: [hit(0.5, 1)], next_cursor: 'a b' },
    ])
      expect(read(bad)).toBeNull();
  });
});
