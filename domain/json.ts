/** Deeper than anything a peer answers: a hit's range is the sixth level. */
const MAX_DEPTH = 16;
/** Brackets, colons and commas of 200 hits with every highlight there can be are a third of it. */
const MAX_PARTS = 131_072;

/** The place after a string that begins at `start`; the end of the text for one that has none. */
const afterString = (text: string, start: number): number => {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = at;
    while (text.charCodeAt(slashes - 1) === 0x5c) slashes -= 1;
    if ((at - slashes) % 2 === 0) return at + 1;
  }
  return text.length;
};

/**
 * Whether JSON text is of few enough parts, none nested deeply. A parser makes an object of every three characters of a
 * bomb, and holds everybody up for seconds while it does: a length says nothing (ABUSE 61).
 */
export const isPlainJson = (text: string, maxParts = MAX_PARTS): boolean => {
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = afterString(text, at);
      continue;
    }
    at += 1;
    if (code === 0x5b || code === 0x7b) depth += 1;
    else if (code === 0x5d || code === 0x7d) depth -= 1;
    else if (code !== 0x2c && code !== 0x3a) continue;
    parts += 1;
    if (depth > MAX_DEPTH || parts > maxParts) return false;
  }
  return true;
};
