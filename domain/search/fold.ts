/**
 * Combining marks of Latin, Greek, Cyrillic, Hebrew and Arabic, variation selectors, and invisible format characters: what is
 * left out of a word. Not every mark: the voiced and half-voiced marks of Japanese (バ, パ) and the vowel signs of Indic
 * scripts make another word. `app.search_fold` of the database has the same list, and a test compares the two.
 */
const MARKS = new RegExp(
  String.raw`[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u061c\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]+`,
  'gu',
);

const PLAIN = /^[a-z0-9]*$/;

/**
 * One spelling of a word, for index, query and highlight alike: compatibility forms, accents and case folded, as Unicode’s
 * NFKC_Casefold does it but for the accents. The steps and their order are those of `app.search_fold`, whose generated
 * columns and queries the database folds itself; letter by letter both are the same (db/sql/search-fold.integration.test.ts).
 */
export const foldWord = (word: string): string => {
  const plain = word.toLowerCase();
  if (PLAIN.test(plain)) return plain;
  return word
    .normalize('NFKD')
    .replace(MARKS, '')
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ς', 'σ');
};
