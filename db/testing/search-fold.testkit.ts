import { foldWord } from '../../domain/search/fold.ts';

/**
 * Alphabets that have case and came with Unicode 14 to 17: whether their capitals fold is a matter of how old the tables of a
 * database are, and of a runtime. Garay, Vithkuqi, Beria Erfe, and single
 * letters of Cyrillic, Glagolitic and Latin.
 */
const NEWER =
  /[\u1c89\u1c8a\u2c2f\u2c5f\ua7c0-\ua7dc\ua7f1\ua7f5\ua7f6\u{10570}-\u{105bf}\u{10d50}-\u{10d8f}\u{16ea0}-\u{16edf}\u{105c0}-\u{105ff}\u{1ccf0}-\u{1ccf9}\u{1e030}-\u{1e08f}]/u;

/** Every letter and digit of Unicode that folds to letters and digits: what it is otherwise parts words, and is no matter of folding. */
const letters = (): string[] => {
  const found: string[] = [];
  for (let code = 0x20; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const letter = String.fromCodePoint(code);
    if (NEWER.test(letter)) continue;
    if (/^[\p{L}\p{N}]$/u.test(letter) && /^[\p{L}\p{N}\p{M}]+$/u.test(foldWord(letter))) found.push(letter);
  }
  return found;
};

/**
 * Letters that a database and TypeScript fold differently, as `U+00DF ss ß`.
 * @param ask runs a statement with one parameter, and returns the text of its column `folded`
 */
export const unfoldedBy = async (ask: (sql: string, text: string) => Promise<string>): Promise<string[]> => {
  const all = letters();
  const text = await ask(
    `select jsonb_agg(app.search_text(letter) order by place)::text as folded
     from jsonb_array_elements_text($1::text::jsonb) with ordinality as l(letter, place)`,
    JSON.stringify(all),
  );
  const folded = JSON.parse(text) as string[];
  return all.flatMap((letter, index) => {
    const [here, there] = [foldWord(letter), folded[index] ?? ''];
    const code = (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    // A circled digit is a symbol, and parts words: nothing is found by it, and so nothing is marked.
    return here === there || there.trim() === '' ? [] : [`U+${code} ${here} ${there}`];
  });
};
