import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memberFault, parseJson, PLAIN } from './json.ts';

describe('F-42 members of JSON text', () => {
  it('of what a serializer writes none is given twice, however it is spelt', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.nat(3), (value, indent) => {
        expect(memberFault(JSON.stringify(value, null, indent), 1_000)).toBeNull();
      }),
    );
  });

  it('one that is given twice is found wherever it is, and named', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(5), fc.string({ maxLength: 8 })), { maxLength: 6 }),
        fc.string({ maxLength: 8 }),
        fc.boolean(),
        (path, name, isEscaped) => {
          const quoted = JSON.stringify(name);
          const spelt = isEscaped
            ? `"${Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
            : quoted;
          const inner = `{"\\u0000":[],${quoted}:{},"x y z":1,${spelt}:2}`;
          const text = path.reduceRight<string>(
            (around, at) =>
              typeof at === 'number'
                ? `[${'0,'.repeat(at)}${around}]`
                : `{"before":{"before":1},${JSON.stringify(`${at} `)}:${around}}`,
            inner,
          );
          const fault = memberFault(text, 1_000);
          expect(fault?.kind).toBe('given_twice');
          expect(fault?.path).toEqual([
            ...path.map((at) => (typeof at === 'number' ? at : `${at} `)),
            name === '\u0000' ? '\u0000' : name,
          ]);
        },
      ),
    );
  });

  it('too many of them are found by the first that is one too many', () => {
    const members = (count: number) => Array.from({ length: count }, (_, index) => `"${index}":1`).join();
    expect(memberFault(`{"a":[{${members(5)}}]}`, 5)).toBeNull();
    expect(memberFault(`{"a":[0,{${members(6)}}]}`, 5)).toEqual({ kind: 'too_many', path: ['a', 1] });
    expect(memberFault(`{${members(6)}}`, 5)).toEqual({ kind: 'too_many', path: [] });
  });

  it('any text is looked at without an exception', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'a', '"a"'), { maxLength: 40 }),
        (parts) => {
          expect(() => memberFault(parts.join(''), 3)).not.toThrow();
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('F-1 JSON text of an outsider', () => {
  it.each([
    ['too_long', '"aaaaaaaaaa"', { depth: 2, parts: 9, length: 5 }],
    ['too_deep', '[[[]]]', { depth: 2, parts: 9 }],
    ['too_many_parts', '[1,2,3,4,5,6,7,8,9]', { depth: 2, parts: 9 }],
    ['malformed', '[1', { depth: 2, parts: 9 }],
  ] as const)('is %s and not parsed: %s', (fault, text, bounds) => {
    expect(parseJson(text, bounds)).toEqual({ ok: false, error: fault });
  });

  it('8 MiB of it cost no more than one look, be it taken or not', () => {
    const MIB = 1024 * 1024;
    for (const text of [
      `[${'[],'.repeat(2.6 * MIB)}[]]`,
      `[${'[],'.repeat(40_000)}"${'x'.repeat(7 * MIB)}"]`,
      JSON.stringify('\\'.repeat(4 * MIB)),
      '"'.repeat(8 * MIB),
      `"${'\\"'.repeat(4 * MIB)}`,
      ' '.repeat(8 * MIB),
      '1'.repeat(8 * MIB),
      '-'.repeat(8 * MIB),
    ]) {
      const began = performance.now();
      parseJson(text, PLAIN);
      expect(performance.now() - began).toBeLessThan(1_000);
    }
  });
});
