/**
 * Characters that change what a terminal does or how a line reads, rather than what it says: C0 and C1
 * controls, DEL, line and paragraph separators, zero-width and bidirectional controls, tags, byte order marks
 * and lone surrogates. A peer may have put them into any text it supplied (terminal injection, "Trojan source").
 */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

const escapeOne = (character: string): string =>
  character.length === 1
    ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Text from elsewhere, fit to print: every unsafe character as a visible `\u…` escape. */
export const safe = (value: unknown): string => toText(value).replace(UNSAFE, escapeOne);

const toText = (value: unknown): string => {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  return JSON.stringify(value) ?? '-';
};

/** At most `width` characters, the last one an ellipsis when something was cut. */
export const clip = (value: unknown, width: number): string => {
  const characters = Array.from(safe(value));
  return characters.length <= width ? characters.join('') : `${characters.slice(0, width - 1).join('')}…`;
};

const escapeJson = (character: string): string =>
  [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('');

/** One JSON document and a line feed. Unsafe characters are escaped here too: equal data, safe to look at. */
export const toJson = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).replace(/[^\n]+/g, (line) => line.replace(UNSAFE, escapeJson))}\n`;

/** A timestamp without its milliseconds, or what came instead. */
export const moment = (value: unknown): string =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)
    ? `${value.slice(0, 10)} ${value.slice(11, 19)}Z`
    : safe(value);

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** How far away a moment is, in its largest unit: `in 29 d`, `3 h ago`; empty when there is none. */
export const distance = (value: unknown, now: Date): string => {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) return '';
  const seconds = Math.abs(at - now.getTime()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => seconds >= length) ?? UNITS[3];
  const amount = Math.floor(seconds / size);
  return at >= now.getTime() ? `in ${amount} ${unit}` : `${amount} ${unit} ago`;
};

/** `1 row`, `2 rows`. */
export const count = (amount: number, singular: string, plural = `${singular}s`): string =>
  `${amount} ${amount === 1 ? singular : plural}`;
