import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highlighter, MAX_RANGES, wordsOf } from './highlight.ts';
import type { FoundRow } from './hit.ts';

const task = (title: string, body: string | null = null): FoundRow => ({
  resource: 'tasks',
  rank: 0.5,
  row: {
    id: 'i',
    owner_id: null,
    team_id: null,
    created_at: 'c',
    updated_at: 'u',
    title,
    body,
    status: 'open',
    due_at: null,
  },
});

describe('the words of a query', () => {
  it.each([
    ['Message queue', ['message', 'queue']],
    ['"message queue" or Café', ['message', 'queue', 'cafe']],
    ['queue -test -"two words" re-run', ['queue', 're', 'run']],
    ['or', ['or']],
    ['ΣΟΦΟΣ ＱＵＥＵＥ pl\u00adain', ['σοφοσ', 'queue', 'plain']],
    ['🎉 & | !', []],
  ])('of %s', (query, words) => {
    expect([...wordsOf(query)].toSorted()).toEqual(words.toSorted());
  });
});

describe('highlights', () => {
  it('are ranges of the text as it is shown', () => {
    const found = task('Café, the CAFÉ', 'no, cafe\u0301!');
    const { title = [], body = [] } = highlighter('cafe')(found);
    expect(title.map(([start, end]) => found.row['title']?.slice(start, end))).toEqual(['Café', 'CAFÉ']);
    expect(body.map(([start, end]) => found.row['body']?.slice(start, end))).toEqual(['cafe\u0301']);
    expect(highlighter('café -the')(found)['title']).toHaveLength(2);
    expect(highlighter('status open')(found)).toEqual({});
  });

  it('are bounded, whatever a row holds', () => {
    expect(highlighter('x')(task('x '.repeat(150)))['title']).toHaveLength(MAX_RANGES);
    const highlight = highlighter('needle');
    const long = task('t', `${'y'.repeat(99_000)} needle`);
    expect([highlight(long), highlight(long)].map(({ body }) => body?.length)).toEqual([1, 1]);
    // The text looked through for one answer ends somewhere.
    expect(highlight(long)).toEqual({});
  });

  it('are the same whichever way a text is looked through: a letter beyond ASCII at its end changes nothing before it', () => {
    const ascii = fc.string({ unit: fc.constantFrom('a', 'B', 'b', ' ', '-', '1', '.', '_') });
    fc.assert(
      fc.property(ascii, ascii, (query, title) => {
        const [short, long] = [title, `${title} é`].map((text) => highlighter(query)(task(text)));
        expect(short).toEqual(long);
      }),
    );
  });

  it('lie in order within the text, for any text and query', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (query, title) => {
        let from = 0;
        for (const [start, end] of highlighter(query)(task(title))['title'] ?? []) {
          expect(start).toBeGreaterThanOrEqual(from);
          expect(end).toBeGreaterThan(start);
          from = end;
        }
        expect(from).toBeLessThanOrEqual(title.length);
      }),
    );
  });
});
