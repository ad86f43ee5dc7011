import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RANGES } from './search/highlight.ts';
import { isPlainJson } from './json.ts';

const MIB = 1024 * 1024;

describe('X-61 JSON of a peer', () => {
  it.each([
    ['deep', '['.repeat(8 * MIB) + ']'.repeat(8 * MIB)],
    ['deep and never closed', '{"a":'.repeat(3 * MIB)],
    ['of empty objects', `[${'{},'.repeat(5 * MIB)}{}]`],
    ['of empty lists', `{"items":[${'[],'.repeat(5 * MIB)}[]]}`],
    ['of numbers', `[${'1,'.repeat(8 * MIB)}1]`],
    ['of names', `{${Array.from({ length: 300_000 }, (_, n) => `"${n}":1`).join()}}`],
    ['of brackets that close nothing', ']'.repeat(16 * MIB)],
  ])('a bomb %s is none', (_what, text) => expect(isPlainJson(text)).toBe(false));

  it('is plain when it is the longest a peer may answer', () => {
    const ranges = Array.from({ length: MAX_RANGES }, (_, n) => [n * 2, n * 2 + 1]);
    const hit = {
      ...Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`column_${n}`, '\\"[{'.repeat(n * 20)])),
      _highlights: { title: ranges, username: ranges, url: ranges },
    };
    expect(
      isPlainJson(JSON.stringify({ items: Array.from({ length: 200 }, () => hit), next_cursor: 'x' })),
    ).toBe(true);
    expect(isPlainJson(JSON.stringify('"\\'.repeat(4 * MIB)))).toBe(true);
  });

  it('counts what a parser would make, whatever stands in strings', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.nat(40), (value, most) => {
        const count = (of: unknown): number => {
          if (typeof of !== 'object' || of === null) return 0;
          const members = Array.isArray(of) ? of : Object.values(of);
          const colons = Array.isArray(of) ? 0 : members.length;
          return members.reduce<number>(
            (sum, one) => sum + count(one),
            2 + colons + Math.max(0, members.length - 1),
          );
        };
        expect(isPlainJson(JSON.stringify(value), most)).toBe(count(value) <= most);
      }),
    );
  });
});
