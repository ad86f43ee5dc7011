import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RANGES } from './search/highlight.ts';
import { isPlainJson, parseJson, PLAIN } from './json.ts';

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
        const text = JSON.stringify(value);
        fc.pre(!text.includes('\\\\":'));
        expect(isPlainJson(text, most)).toBe(count(value) <= most);
      }),
    );
  });
});

describe('F-1 JSON that would change how the next is read', () => {
  /** Each is read by the engine as the text before it says, when that one was parsed (nodejs/node#63785). */
  const pairs = [
    ['a backslash', '{"first":1,"ab\\\\":2}', '{"first":1,"ab\\u0041":3}', 'abA'],
    ['an escaped backslash', '{"second":1,"ab\\u005c":2}', '{"second":1,"ab\\u0042":3}', 'abB'],
    ['one in capitals, within a list', '[{"third":1,"ab\\u005C" \n:2}]', '{"third":1,"ab\\n":3}', 'ab\n'],
  ] as const;

  it.each(pairs)('with a name that ends in %s is parsed by nobody', (_what, poison, next, name) => {
    expect(parseJson(poison, PLAIN)).toEqual({ ok: false, error: 'name_ends_in_backslash' });
    const read = parseJson(next, PLAIN);
    expect(read.ok && Object.keys(read.value as object)[1]).toBe(name);
  });

  it.each(['{"a\\\\b":"c\\\\"}', '["\\\\"]', '{"a":"\\u005c"}', '{"a":"\\\\",":":1}'])(
    'is not what has backslashes elsewhere: %s',
    (text) => expect(parseJson(text, PLAIN).ok).toBe(true),
  );
});
