import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toIso, uuidArray } from './values.ts';

describe('toIso', () => {
  it.each([
    ['2026-03-01 09:00:00', '2026-03-01T09:00:00.000Z'],
    ['2026-03-01 09:00:00.1', '2026-03-01T09:00:00.100Z'],
    ['2026-03-01 09:00:00.12', '2026-03-01T09:00:00.120Z'],
    ['2026-03-01 09:00:00.123+00', '2026-03-01T09:00:00.123Z'],
    ['2026-03-01 09:00:00+00', '2026-03-01T09:00:00.000Z'],
    ['2026-03-01 09:00:00.5+05:30', '2026-03-01T03:30:00.500Z'],
    ['2026-03-01 09:00:00-08', '2026-03-01T17:00:00.000Z'],
    ['2026-03-01 09:00:00.123456', '2026-03-01T09:00:00.123Z'],
  ])('reads %s', (text, iso) => {
    expect(toIso(text)).toBe(iso);
  });

  it('gives back every time that has milliseconds', () => {
    const years = { min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true };
    fc.assert(
      fc.property(fc.date(years), (date) => {
        const text = date
          .toISOString()
          .replace('T', ' ')
          .replace(/\.?0*Z$/, '');
        expect(toIso(text)).toBe(date.toISOString());
      }),
    );
  });
});

describe('uuidArray', () => {
  it('is the text of a Postgres array', () => {
    expect(uuidArray([])).toBe('{}');
    expect(uuidArray(['a', 'b'])).toBe('{a,b}');
  });
});
