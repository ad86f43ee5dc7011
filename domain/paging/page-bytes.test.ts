import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonBytes, rowsWithin } from './page-bytes.ts';

const written = (text: string): number => new TextEncoder().encode(JSON.stringify(text)).byteLength;

/** Mostly what is written in another way than it is stored. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0x9f }),
      fc.constantFrom(0x22, 0x5c, 0x7f, 0x7ff, 0x800, 0x2028, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xfeff, 0xffff),
      fc.integer({ min: 0, max: 0xffff }),
    ),
    { maxLength: 60 },
  )
  .map((units) => String.fromCharCode(...units));

describe('the bytes of JSON', () => {
  it('F-5 are what JSON.stringify makes of a text, letter by letter', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText, fc.string({ unit: 'binary' })), (text) => {
        expect(jsonBytes(text)).toBe(written(text));
      }),
      { numRuns: 500 },
    );
    const every = Array.from({ length: 0x900 }, (_, unit) => String.fromCharCode(unit));
    expect(every.filter((text) => jsonBytes(text) !== written(text))).toEqual([]);
  });

  it('F-5 end a page with the row that passes the budget, whatever the rows hold', () => {
    const row = fc.record({
      id: fc.uuid(),
      title: hostileText,
      body: fc.option(hostileText),
      _rank: fc.float(),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), fc.integer({ min: 1, max: 8_000 }), (rows, maxBytes) => {
        const count = rowsWithin(rows, maxBytes);
        const json = rows.map((one) => new TextEncoder().encode(JSON.stringify(one)).byteLength);
        const sum = (to: number): number => json.slice(0, to).reduce((all, bytes) => all + bytes, 0);
        expect(count).toBeGreaterThanOrEqual(Math.min(1, rows.length));
        expect(sum(count - 1)).toBeLessThan(maxBytes);
        // No page is ended for nothing: what is counted beside the texts is little.
        if (count < rows.length) expect(sum(count) + count * 256).toBeGreaterThanOrEqual(maxBytes);
      }),
    );
  });
});
