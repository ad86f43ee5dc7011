/** A place in a text; both count from 1, and a column counts characters. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** One token: punctuation, a string, or a number or word. White space before it belongs to it. */
const TOKEN =
  /[\t\n\r ]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/uy;

type Wanted = 'value' | 'item' | 'name' | 'member' | 'colon' | 'more';

/** What may come after a value: more of what it stands in, or nothing. */
interface State {
  readonly open: string[];
  wanted: Wanted;
}

const take = (state: State, mark: string | undefined, isString: boolean): boolean => {
  const { open, wanted } = state;
  const inside = open.at(-1);
  if (mark === '}' || mark === ']') {
    const ends = mark === '}' ? '{' : '[';
    if (inside !== ends || !(wanted === 'more' || wanted === (ends === '{' ? 'member' : 'item')))
      return false;
    open.pop();
    state.wanted = 'more';
    return true;
  }
  if (mark === ',') {
    if (wanted !== 'more' || inside === undefined) return false;
    state.wanted = inside === '{' ? 'name' : 'value';
    return true;
  }
  if (mark === ':') {
    if (wanted !== 'colon') return false;
    state.wanted = 'value';
    return true;
  }
  if (wanted === 'name' || wanted === 'member') {
    state.wanted = 'colon';
    return isString;
  }
  if (wanted !== 'value' && wanted !== 'item') return false;
  if (mark !== undefined) open.push(mark);
  state.wanted = mark === undefined ? 'more' : mark === '{' ? 'member' : 'item';
  return true;
};

const placeAt = (text: string, offset: number): TextPlace => {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: Array.from(before.at(-1) ?? '').length + 1 };
};

/**
 * Where text stops being JSON (RFC 8259), for whoever has to correct it; null for text that is JSON. A parser’s own message
 * quotes the text, which may hold a password, and does not always name a place.
 */
export const jsonFaultPlace = (text: string): TextPlace | null => {
  const state: State = { open: [], wanted: 'value' };
  for (let at = 0; ;) {
    const blank = /[\t\n\r ]*/y;
    blank.lastIndex = at;
    blank.test(text);
    const start = blank.lastIndex;
    if (start === text.length)
      return state.wanted === 'more' && state.open.length === 0 ? null : placeAt(text, start);
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    if (token === null || !take(state, token[1], token[2] !== undefined)) return placeAt(text, start);
    at = TOKEN.lastIndex;
  }
};
