import { err, ok, type Result } from '../../domain/result.ts';

export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PRIVATE KEY' | 'X509 CRL';

export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

/** Longest text that is looked at, in characters: room for a chain or a large CRL. */
const MAX_PEM_LENGTH = 4 * 1024 * 1024;
/** The same for a text of several revocation lists. */
export const MAX_LISTS_LENGTH = 24 * 1024 * 1024;
/** A chain with its roots, or the lists of an authority and of the one it takes the place of. */
const MAX_BLOCKS = 64;
const MAX_BLANK_LINES = 256;
const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/;
const MAX_MARK_LENGTH = 100;
const MAX_LINE_LENGTH = 76;

export const toBase64 = (bytes: Uint8Array): string => {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
};

/** Octets of one line of PEM, which are 64 characters. */
const LINE_OCTETS = 48;
/** Lines made at once. */
const LINES_AT_ONCE = 1_024;

/** PEM (RFC 7468) with lines of 64 characters and a final line feed. */
export const derToPem = (der: Uint8Array, label: PemLabel): string => {
  const parts: string[] = [];
  for (let at = 0; at < der.length; at += LINE_OCTETS * LINES_AT_ONCE) {
    const base64 = toBase64(der.subarray(at, at + LINE_OCTETS * LINES_AT_ONCE));
    for (let from = 0; from < base64.length; from += 64) parts.push(base64.slice(from, from + 64));
  }
  return `-----BEGIN ${label}-----\n${parts.join('\n')}\n-----END ${label}-----\n`;
};

const LINE_FEED = 0x0a;
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0d;

/** The lines of a text, without the blanks around each. Stepping from one to the next allocates nothing. */
class Lines {
  readonly text: string;
  from = 0;
  to = 0;
  /** Where the next line begins. */
  end = 0;

  constructor(text: string) {
    this.text = text;
  }

  next(): boolean {
    const { text } = this;
    if (this.end > text.length) return false;
    let from = this.end;
    let end = from;
    while (end < text.length && text.charCodeAt(end) !== LINE_FEED) end += 1;
    this.end = end + 1;
    // No further than the end, where a line feed stands, or nothing.
    while (isBlank(text.charCodeAt(from))) from += 1;
    while (end > from && isBlank(text.charCodeAt(end - 1))) end -= 1;
    this.from = from;
    this.to = end;
    return true;
  }

  /** Goes on within a text. */
  seek(at: number): void {
    this.end = at;
  }

  /** The line, or null for one that is longer than any mark. */
  mark(): string | null {
    return this.to - this.from > MAX_MARK_LENGTH ? null : this.text.slice(this.from, this.to);
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** What a character is within a block: 0 to 63 its value, or one of these. */
const KIND = { lineFeed: 64, blank: 65, padding: 66, other: 67 } as const;

const kindOf = (code: number): number => {
  if (code === LINE_FEED) return KIND.lineFeed;
  if (isBlank(code)) return KIND.blank;
  if (code === 0x3d) return KIND.padding;
  const value = ALPHABET.indexOf(String.fromCharCode(code));
  return value === -1 ? KIND.other : value;
};

const KINDS = Uint8Array.from({ length: 128 }, (_, code) => kindOf(code));

/**
 * The bytes of lines of canonical base64: none empty or too long, blanks around them only, right padding at the end, no stray
 * bits in the last character. Null for anything else. One look at each character, since there may be millions.
 */
const decodeLines = (text: string, from: number, to: number): Uint8Array<ArrayBuffer> | null => {
  const bytes = new Uint8Array(Math.ceil(((to - from) * 3) / 4));
  let length = 0;
  let bits = 0;
  let characters = 0;
  let padding = 0;
  let column = 0;
  let isOver = false;
  for (let at = from; at < to; at += 1) {
    const kind = KINDS[text.charCodeAt(at)] ?? KIND.other;
    if (kind === KIND.lineFeed) {
      if (column === 0) return null;
      column = 0;
      isOver = false;
    } else if (kind === KIND.blank) isOver = column > 0;
    else {
      const isFirst = column === 0;
      column += 1;
      if (kind === KIND.other || isOver || column > MAX_LINE_LENGTH) return null;
      if (kind === KIND.padding) {
        if (isFirst) return null;
        padding += 1;
        continue;
      }
      if (padding > 0) return null;
      bits = ((bits << 6) | kind) & 0xff_ffff;
      characters += 1;
      if ((characters & 3) !== 0) continue;
      bytes[length] = bits >> 16;
      bytes[length + 1] = bits >> 8;
      bytes[length + 2] = bits;
      length += 3;
    }
  }
  const over = characters & 3;
  if (characters === 0 || column > 0 || over === 1 || padding !== ((4 - over) & 3)) return null;
  if ((bits & (over === 2 ? 0xf : over === 3 ? 0x3 : 0)) !== 0) return null;
  // Of the one or two octets that are left; what is behind the last one is not given out.
  bytes[length] = over === 2 ? bits >> 4 : bits >> 10;
  bytes[length + 1] = bits >> 2;
  return bytes.subarray(0, length + Math.max(0, over - 1));
};

/** The block whose first line was just read. */
const readBlock = (lines: Lines, label: string): Result<PemBlock, string> => {
  const { text } = lines;
  // No line of base64 has a hyphen.
  const mark = text.indexOf('-', lines.end);
  if (mark === -1) return err('a PEM block has no matching end');
  const der = decodeLines(text, lines.end, mark);
  if (der === null) return err('a PEM block does not hold canonical base64');
  lines.seek(mark);
  lines.next();
  if (lines.mark() !== `-----END ${label}-----`) return err('a PEM block has no matching end');
  return ok({ label, der });
};

/**
 * Every block of a PEM text, in order. Strict (RFC 7468 section 3): nothing but blocks and blank lines, no
 * headers, matching labels, canonical base64. Each character is looked at once, and nothing is made but the bytes.
 */
export const splitPem = (text: string, most = MAX_PEM_LENGTH): Result<readonly PemBlock[], string> => {
  if (text.length > most) return err('the PEM text is too long');
  const blocks: PemBlock[] = [];
  const lines = new Lines(text);
  let blank = 0;
  while (lines.next()) {
    if (lines.from === lines.to) {
      blank += 1;
      if (blank > MAX_BLANK_LINES) return err('there are too many blank lines around the PEM blocks');
      continue;
    }
    const label = BEGIN.exec(lines.mark() ?? '')?.[1];
    if (label === undefined) return err('there is text outside the PEM blocks');
    if (blocks.length === MAX_BLOCKS) return err('there are too many PEM blocks');
    const block = readBlock(lines, label);
    if (!block.ok) return block;
    blocks.push(block.value);
  }
  return ok(blocks);
};

/** The DER of a text that holds exactly one block, of that label. */
export const pemToDer = (text: string, label: PemLabel): Result<Uint8Array, string> => {
  const blocks = splitPem(text);
  if (!blocks.ok) return blocks;
  const [block, ...others] = blocks.value;
  if (block === undefined || others.length > 0) return err('expected exactly one PEM block');
  return block.label === label ? ok(block.der) : err(`expected a PEM block labelled ${label}`);
};
