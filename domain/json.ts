import { err, ok, type Result } from './result.ts';

/*
 * Text of outsiders is looked at before a parser sees it. A parser makes an object of every three characters of a bomb, and
 * holds everybody up for seconds while it does: a length says nothing (ABUSE 61).
 */

/** Deeper than anything a peer answers: a hit's range is the sixth level. */
const MAX_DEPTH = 16;
/** Brackets, colons and commas of 200 hits with every highlight there can be are a third of it. */
const MAX_PARTS = 131_072;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

const isOpening = (code: number): boolean => code === 0x5b || code === 0x7b;
const isClosing = (code: number): boolean => code === 0x5d || code === 0x7d;

/** Characters of a string that are looked at one by one before the rest is searched: most strings are shorter. */
const ONE_BY_ONE = 64;

/**
 * The place after a string that begins at `start`; the end of the text for one that has none. A search is fast where a string
 * is long, and slow where it ends at once, so there is one for each 64 characters at most.
 */
const afterString = (text: string, start: number): number => {
  let at = start + 1;
  for (;;) {
    const from = at;
    for (; at < text.length && at - from < ONE_BY_ONE; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) return at + 1;
      if (code === BACKSLASH) at += 1;
    }
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let slashes = quote;
    while (slashes > at && text.charCodeAt(slashes - 1) === BACKSLASH) slashes -= 1;
    at = quote + 1;
    if ((quote - slashes) % 2 === 0) return at;
  }
};

/** How much JSON a reader takes. */
export interface JsonBounds {
  /** Lists and objects within each other. */
  readonly depth: number;
  /** Brackets, colons and commas: a parser makes at most one value for each. */
  readonly parts: number;
  /** Characters. Bytes are bounded by whoever reads them. */
  readonly length?: number;
}

export const PLAIN: JsonBounds = { depth: MAX_DEPTH, parts: MAX_PARTS };

/** Why text is not given to a parser, or what the parser said of it. */
export type JsonFault = 'too_long' | 'too_deep' | 'too_many_parts' | 'name_ends_in_backslash' | 'malformed';

const SPACE = /[ \t\n\r]/;

/**
 * Whether the string from `start` to `end` is the name of a member, and ends in a backslash. V8 keeps such a name, and reads the
 * next text's `"ab\u0041"` at that place as `ab\` (nodejs/node#63785): one person's request would change what another's says. So
 * none is parsed. `\\u005c`, which ends in no backslash, is refused with the rest.
 */
const isPoison = (text: string, start: number, end: number): boolean => {
  const isSlash = text.charCodeAt(end - 2) === BACKSLASH;
  if (!isSlash && text.slice(Math.max(start, end - 7), end - 1).toLowerCase() !== '\\u005c') return false;
  let at = end;
  while (SPACE.test(text.charAt(at))) at += 1;
  return text.charCodeAt(at) === COLON;
};

/** What is too much about a text, or null. One pass that makes nothing. */
export const jsonFault = (text: string, bounds: JsonBounds): JsonFault | null => {
  if (bounds.length !== undefined && text.length > bounds.length) return 'too_long';
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = afterString(text, at);
      if (isPoison(text, at, end)) return 'name_ends_in_backslash';
      at = end;
      continue;
    }
    at += 1;
    if (isOpening(code)) depth += 1;
    else if (isClosing(code)) depth -= 1;
    else if (code !== COMMA && code !== COLON) continue;
    parts += 1;
    if (depth > bounds.depth) return 'too_deep';
    if (parts > bounds.parts) return 'too_many_parts';
  }
  return null;
};

/** Whether JSON text is of few enough parts, none nested deeply. */
export const isPlainJson = (text: string, maxParts = MAX_PARTS): boolean =>
  jsonFault(text, { depth: MAX_DEPTH, parts: maxParts }) === null;

/**
 * The value of JSON text of an outsider: the one way from such text to a parser. Total.
 * @example
 * const json = parseJson(text, PLAIN);
 * if (!json.ok) return null;
 */
export const parseJson = (text: string, bounds: JsonBounds): Result<unknown, JsonFault> => {
  const fault = jsonFault(text, bounds);
  if (fault !== null) return err(fault);
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    return err('malformed');
  }
};

/** Where in a document something is: names of members, and places in lists. */
export type JsonPath = readonly (string | number)[];

export interface MemberFault {
  readonly kind: 'given_twice' | 'too_many';
  readonly path: JsonPath;
}

/** A list or an object that the scan is in. */
interface Level {
  /** Names so far; null in a list. */
  readonly names: Set<string> | null;
  /** The member that the scan is at: its name, or its place. */
  at: string | number;
}

/** The name in quotes as a parser reads it: `"\u0061"` and `"a"` are one. Text that is no string stays as it is. */
const nameOf = (quoted: string): string => {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
};

const pathOf = (levels: readonly Level[]): JsonPath => levels.map(({ at }) => at);

/**
 * The first object in JSON text that has a member twice, or more members than `most`; null when there is none. A parser takes
 * the last of two in silence, and another program the first (RFC 8259 section 4). Text within bounds only: `jsonFault` says so.
 */
export const memberFault = (text: string, most: number): MemberFault | null => {
  const levels: Level[] = [];
  let isName = false;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    const level = levels.at(-1);
    if (code === QUOTE) {
      const end = afterString(text, at);
      if (isName && level !== undefined && level.names !== null) {
        const name = nameOf(text.slice(at, end));
        level.at = name;
        if (level.names.has(name)) return { kind: 'given_twice', path: pathOf(levels) };
        if (level.names.size === most) return { kind: 'too_many', path: pathOf(levels.slice(0, -1)) };
        level.names.add(name);
        isName = false;
      }
      at = end;
      continue;
    }
    at += 1;
    if (isOpening(code)) {
      isName = code === 0x7b;
      levels.push({ names: isName ? new Set() : null, at: 0 });
    } else if (isClosing(code)) {
      levels.pop();
      isName = false;
    } else if (code === COMMA && level !== undefined) {
      isName = level.names !== null;
      if (typeof level.at === 'number') level.at += 1;
    }
  }
  return null;
};
