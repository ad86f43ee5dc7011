import { foldWord } from './fold.ts';
import { searchedFields, type FoundRow, type Highlights, type Hit, type Range } from './hit.ts';

/** Most ranges shown for one field. */
export const MAX_RANGES = 16;
/** Text looked through for all hits of one answer, in UTF-16 code units; what lies beyond it is not marked. */
const TEXT_BUDGET = 200_000;

const WORD = /[\p{L}\p{N}\p{M}\u00ad\u200b-\u200f\u2060]+/gu;
const BEYOND_ASCII = /[^\p{ASCII}]/u;

/** How many words a query is made of, wherever punctuation parts them. */
export const countWords = (query: string): number => query.match(WORD)?.length ?? 0;

/** The words a query asks for, folded: not those it says shall be absent, nor the operator `or`. */
export const wordsOf = (query: string): ReadonlySet<string> => {
  const wanted = query.replaceAll(/[“”„‟«»]/g, '"').replaceAll(/(?<!\S)-(?:"[^"]*"?|[^\s"]*)/g, ' ');
  const words = (wanted.match(WORD) ?? []).map(foldWord).filter((word) => word !== '');
  return new Set(words.length > 1 ? words.filter((word) => word !== 'or') : words);
};

const NONE: readonly Range[] = [];

/** Text in ASCII folds to its lower case, letter by letter: a word that is no part of that is no word of the text. */
const canHold = (text: string, words: ReadonlySet<string>): boolean => {
  if (BEYOND_ASCII.test(text)) return true;
  const lower = text.toLowerCase();
  for (const word of words) if (lower.includes(word)) return true;
  return false;
};

const rangesIn = (text: string, words: ReadonlySet<string>): readonly Range[] => {
  if (!canHold(text, words)) return NONE;
  const ranges: Range[] = [];
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (!words.has(foldWord(word))) continue;
    ranges.push([index, index + word.length]);
    if (ranges.length === MAX_RANGES) break;
  }
  return ranges;
};

/**
 * Where the words of a query stand in the rows that are shown, as ranges: plain numbers, so there is no markup that a
 * text could imitate. The work is bounded whatever the rows hold.
 */
export const highlighter = (query: string): ((found: FoundRow) => Highlights) => {
  const words = wordsOf(query);
  let budget = TEXT_BUDGET;
  return ({ resource, row }) => {
    const highlights: Record<string, readonly Range[]> = {};
    for (const field of searchedFields(resource)) {
      const text = (row[field] ?? '').slice(0, budget);
      budget -= text.length;
      const ranges = text === '' ? [] : rangesIn(text, words);
      if (ranges.length > 0) highlights[field] = ranges;
    }
    return highlights;
  };
};

/** Marks the words asked for in the rows that are shown. */
export const withHighlights = (query: string, hits: readonly FoundRow[]): readonly Hit[] => {
  const highlight = highlighter(query);
  return hits.map((found) => ({ ...found, highlights: highlight(found) }));
};
