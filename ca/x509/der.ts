/**
 * A strict reader of DER (X.690 section 10): definite minimal lengths, one-byte tags, nothing left over.
 * General ASN.1 libraries read BER, where one meaning has many encodings; what decides about identity must not.
 * Functions throw `DerError`; the exported readers of certificates and requests turn it into a `Result`.
 */
export class DerError extends Error {}

export interface DerElement {
  /** Class, constructed bit and number, as encoded. */
  readonly tag: number;
  /** The value's bytes. */
  readonly content: Uint8Array;
  /** Tag, length and value. */
  readonly raw: Uint8Array;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nul: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific constructed tag `[n]`. */
export const contextTag = (n: number): number => 0xa0 | n;

const byteAt = (bytes: Uint8Array, at: number): number => {
  const byte = bytes[at];
  if (byte === undefined) throw new DerError('the encoding ends too early');
  return byte;
};

const lengthAt = (bytes: Uint8Array, at: number): { readonly length: number; readonly next: number } => {
  const first = byteAt(bytes, at);
  if (first < 0x80) return { length: first, next: at + 1 };
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4) throw new DerError('the length is indefinite or too large');
  let length = 0;
  for (let index = 0; index < octets; index += 1) length = length * 256 + byteAt(bytes, at + 1 + index);
  if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError('a length is not minimal');
  return { length, next: at + 1 + octets };
};

const elementAt = (bytes: Uint8Array, at: number): DerElement => {
  const tag = byteAt(bytes, at);
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag has more than one byte');
  const { length, next } = lengthAt(bytes, at + 1);
  if (next + length > bytes.length) throw new DerError('the encoding ends too early');
  return { tag, content: bytes.subarray(next, next + length), raw: bytes.subarray(at, next + length) };
};

/** The elements that follow each other in `bytes`, to its very end. */
export const elements = (bytes: Uint8Array): readonly DerElement[] => {
  const found: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const element = elementAt(bytes, at);
    found.push(element);
    at += element.raw.length;
  }
  return found;
};

const startsWith = (bytes: Uint8Array, from: number, to: number, first: Uint8Array): boolean => {
  if (from + first.length > to) return false;
  for (let index = 0; index < first.length; index += 1)
    if (bytes[from + index] !== first[index]) return false;
  return true;
};

/**
 * The first SEQUENCE among the elements of `bytes` that begins with `first`, or undefined. The others are only stepped over:
 * to take 400,000 apart in search of one would hold everybody up for seconds, and a stranger can send as many.
 */
export const sequenceBeginning = (bytes: Uint8Array, first: Uint8Array): DerElement | undefined => {
  for (let at = 0; at < bytes.length;) {
    const { length, next } = lengthAt(bytes, at + 1);
    const end = next + length;
    if (end > bytes.length) throw new DerError('the encoding ends too early');
    if (bytes[at] === TAG.sequence && startsWith(bytes, next, end, first)) return elementAt(bytes, at);
    at = end;
  }
  return undefined;
};

/** @throws DerError unless the element is there and has that tag */
export const expectTag = (element: DerElement | undefined, tag: number, what: string): DerElement => {
  if (element?.tag !== tag) throw new DerError(`${what} is missing or has the wrong type`);
  return element;
};

/** The only element of `bytes`, with that tag. */
export const single = (bytes: Uint8Array, tag: number, what: string): DerElement => {
  const element = expectTag(bytes.length === 0 ? undefined : elementAt(bytes, 0), tag, what);
  if (element.raw.length !== bytes.length) throw new DerError(`${what} is followed by other bytes`);
  return element;
};

/** The members of a SEQUENCE (or of another constructed type). */
export const members = (
  element: DerElement | undefined,
  what: string,
  tag: number = TAG.sequence,
): readonly DerElement[] => elements(expectTag(element, tag, what).content);

/** Dotted text of an OBJECT IDENTIFIER. */
export const oidText = (element: DerElement | undefined): string => {
  const { content } = expectTag(element, TAG.oid, 'an object identifier');
  const arcs: bigint[] = [];
  let value = 0n;
  let started = false;
  for (const byte of content) {
    if (!started && byte === 0x80) throw new DerError('an object identifier is not minimal');
    value = (value << 7n) | BigInt(byte & 0x7f);
    started = (byte & 0x80) !== 0;
    if (!started) {
      arcs.push(value);
      value = 0n;
    }
  }
  const first = arcs[0];
  if (first === undefined || started || content.length > 64)
    throw new DerError('an object identifier is cut');
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...arcs.slice(1)].join('.');
};

/** The magnitude of a non-negative INTEGER, without the sign octet. */
export const unsignedInteger = (element: DerElement | undefined, what: string): Uint8Array => {
  const { content } = expectTag(element, TAG.integer, what);
  const [first, second] = content;
  if (first === undefined || first >= 0x80) throw new DerError(`${what} is empty or negative`);
  if (first !== 0) return content;
  if (second !== undefined && second < 0x80) throw new DerError(`${what} is not minimal`);
  return content.subarray(content.length === 1 ? 0 : 1);
};

/** The octets of a BIT STRING whose bits are a whole number of octets. */
export const bitStringOctets = (element: DerElement | undefined, what: string): Uint8Array => {
  const { content } = expectTag(element, TAG.bitString, what);
  if (content[0] !== 0) throw new DerError(`${what} is not a whole number of octets`);
  return content.subarray(1);
};

const TIME = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** UTCTime or GeneralizedTime in the forms of RFC 5280 section 4.1.2.5: whole seconds, UTC. */
export const timeValue = (element: DerElement | undefined): Date => {
  const tag = element?.tag === TAG.generalizedTime ? TAG.generalizedTime : TAG.utcTime;
  const text = String.fromCharCode(...expectTag(element, tag, 'a time').content.subarray(0, 32));
  const match = TIME.exec(text);
  if (match === null || text.length !== (tag === TAG.utcTime ? 13 : 15))
    throw new DerError('a time is malformed');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = tag === TAG.generalizedTime ? year : year + (year < 50 ? 2000 : 1900);
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal = date.getUTCDate() === day && date.getUTCMonth() === month - 1;
  if (!isReal || hour > 23 || minute > 59 || second > 59) throw new DerError('a time does not exist');
  return date;
};
