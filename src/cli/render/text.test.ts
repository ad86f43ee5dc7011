import { describe, expect, it } from 'vitest';
import { clip, count, distance, moment, safe, toJson } from './text.ts';

describe('text from elsewhere', () => {
  it('X-48 escapes what a terminal would obey instead of show', () => {
    expect(safe('a\u001b[2J\u0007b')).toBe('a\\u001b[2J\\u0007b');
    expect(safe('\u009b31m')).toBe('\\u009b31m');
    expect(safe('title\r\nfake row')).toBe('title\\u000d\\u000afake row');
    expect(safe('\u202egnp.exe')).toBe('\\u202egnp.exe');
    expect(safe('a\u200bb\ufeff')).toBe('a\\u200bb\\ufeff');
    expect(safe('\ud800x')).toBe('\\ud800x');
    expect(safe('\u{e0041}')).toBe('\\u{e0041}');
  });

  it('leaves other scripts and pictures alone', () => {
    expect(safe('Größe 東京 🍅')).toBe('Größe 東京 🍅');
  });

  it('shows what is not text, and what is not there', () => {
    expect([safe(null), safe(undefined), safe(''), safe(7), safe(false)]).toEqual([
      '-',
      '-',
      '-',
      '7',
      'false',
    ]);
    expect(safe({ a: '\u001b' })).toBe('{"a":"\\u001b"}');
  });

  it('cuts by characters, not through one', () => {
    expect(clip('🍅🍅🍅🍅', 3)).toBe('🍅🍅…');
    expect(clip('abc', 3)).toBe('abc');
  });

  it('writes JSON that is safe to look at and equal in content', () => {
    const value = { text: 'a\u001b[0m\u009b\u202e\u{e0041}\n"\\', 'key\u0007': [1, null] };
    const json = toJson(value);
    expect(JSON.parse(json)).toEqual(value);
    // oxlint-disable-next-line no-control-regex -- controls are what this is about
    expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]|\u{e0041}/u);
  });
});

describe('times and amounts', () => {
  const now = new Date('2026-11-22T12:00:00.000Z');

  it('shows a moment without milliseconds, and anything else as it came', () => {
    expect(moment('2026-11-22T12:34:56.789Z')).toBe('2026-11-22 12:34:56Z');
    expect(moment('soon\u001b')).toBe('soon\\u001b');
    expect(moment(null)).toBe('-');
  });

  it.each([
    ['2026-12-21T13:00:00.000Z', 'in 29 d'],
    ['2026-11-22T15:30:00.000Z', 'in 3 h'],
    ['2026-11-22T11:58:30.000Z', '1 min ago'],
    ['2026-11-22T12:00:00.000Z', 'in 0 s'],
    ['not a date', ''],
    [null, ''],
  ])('tells how far away %s is', (value, expected) => expect(distance(value, now)).toBe(expected));

  it('counts', () =>
    expect([count(1, 'row'), count(2, 'row'), count(0, 'team')]).toEqual(['1 row', '2 rows', '0 teams']));
});
