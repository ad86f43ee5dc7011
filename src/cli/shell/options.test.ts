import { describe, expect, it } from 'vitest';
import { CliError } from './exit.ts';
import { parseExpiry, parseFields, wholeNumber } from './options.ts';

const now = new Date('2026-11-22T12:00:00.000Z');

describe('wholeNumber', () => {
  const parse = wholeNumber(1, 200);
  it.each([
    ['1', 1],
    ['200', 200],
    ['050', 50],
  ])('takes %s', (text, value) => expect(parse(text)).toBe(value));
  it.each(['0', '201', '-1', '1.5', '1e2', '', ' 5', '0x10', 'NaN', '５'])('refuses "%s"', (text) =>
    expect(() => parse(text)).toThrow('from 1 to 200'),
  );
});

describe('parseExpiry', () => {
  it.each([
    ['45m', '2026-11-22T12:45:00.000Z'],
    ['12h', '2026-11-23T00:00:00.000Z'],
    ['30d', '2026-12-22T12:00:00.000Z'],
    ['2027-01-31', '2027-01-31T00:00:00.000Z'],
    ['2027-01-31T12:00:00+01:00', '2027-01-31T11:00:00.000Z'],
  ])('reads %s', (text, expected) => expect(parseExpiry(text, now)).toBe(expected));

  it.each(['0d', '5', '5w', 'tomorrow', '2027-13-01', '2027-01-31 12:00', '', '1000000d'])(
    'refuses "%s"',
    (text) => expect(() => parseExpiry(text, now)).toThrow(CliError),
  );
  it.each(['2027-02-30', '2027-02-29T00:00:00Z', '2027-04-31', '2027-01-31T24:00:00Z'])(
    'F-58 refuses %s, which no calendar has',
    (text) => expect(() => parseExpiry(text, now)).toThrow('is not a moment'),
  );
  it('refuses what has passed', () =>
    expect(() => parseExpiry('2026-11-22T12:00:00Z', now)).toThrow('has passed'));
});

describe('parseFields', () => {
  it('splits at the first sign only', () => {
    expect(parseFields(['title=a=b', 'body='])).toEqual({ title: 'a=b', body: '' });
  });
  it.each([[['title']], [['=x']], [['a=1', 'a=2']]])('refuses %j', (pairs) =>
    expect(() => parseFields(pairs)).toThrow(CliError),
  );
  it('takes __proto__ for a name like any other', () => {
    expect(Object.hasOwn(parseFields(['__proto__=x']), '__proto__')).toBe(true);
  });
});
