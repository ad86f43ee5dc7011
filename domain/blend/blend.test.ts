import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResourceRow } from '../resources.ts';
import { blend, compareRows, type SourcePage } from './blend.ts';

const row = (at: number, id: string): ResourceRow => ({
  id,
  owner_id: null,
  team_id: null,
  created_at: new Date(at * 1000).toISOString(),
  updated_at: new Date(at * 1000).toISOString(),
  title: 't',
});

const rows = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.uuid()), { maxLength: 30 })
  .map((pairs) => pairs.map(([at, id]) => row(at, id)).sort(compareRows));

describe('blend', () => {
  it('tags each row with its source, newest first', () => {
    const blended = blend(
      [
        { source: 'local', items: [row(3, 'a'), row(1, 'b')], more: false },
        { source: 'federated:work', items: [row(2, 'c')], more: false },
      ],
      10,
    );
    expect(blended.items.map((item) => [item.id, item._source])).toEqual([
      ['a', 'local'],
      ['c', 'federated:work'],
      ['b', 'local'],
    ]);
    expect(blended.more).toBe(false);
  });

  it('overwrites a tag that a source sent itself', () => {
    const lying = { ...row(1, 'a'), _source: 'local' };
    expect(blend([{ source: 'federated:work', items: [lying], more: false }], 1).items[0]?._source).toBe(
      'federated:work',
    );
  });

  it('stops where a source that has more ran dry, rather than skip its rows', () => {
    const pages: readonly SourcePage[] = [
      { source: 'local', items: [row(9, 'a')], more: true },
      { source: 'federated:work', items: [row(8, 'b'), row(1, 'c')], more: false },
    ];
    const blended = blend(pages, 10);
    expect(blended.items.map((item) => item.id)).toEqual(['a']);
    expect(blended).toMatchObject({ taken: { local: 1, 'federated:work': 0 }, more: true });
  });

  it('gives every row once and in order when paged to the end, whatever the page sizes', () => {
    fc.assert(
      fc.property(
        fc.array(rows, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        (sources, fetchSize, limit) => {
          const offsets = sources.map(() => 0);
          const seen: string[] = [];
          for (let round = 0; round < 500; round += 1) {
            const pages = sources.map((all, index): SourcePage => {
              const from = offsets[index] ?? 0;
              return {
                source: `federated:${index}`,
                items: all.slice(from, from + fetchSize),
                more: from + fetchSize < all.length,
              };
            });
            const blended = blend(pages, limit);
            seen.push(...blended.items.map((item) => `${item._source}/${item.id}`));
            for (const index of sources.keys())
              offsets[index] = (offsets[index] ?? 0) + (blended.taken[`federated:${index}`] ?? 0);
            if (!blended.more) break;
            expect(blended.items.length).toBeGreaterThan(0);
          }
          const expected = sources.flatMap((all, index) =>
            all.map((item) => ({ item, key: `federated:${index}/${item.id}` })),
          );
          expect([...seen].sort()).toEqual(expected.map(({ key }) => key).sort());
        },
      ),
      { numRuns: 500 },
    );
  });
});
