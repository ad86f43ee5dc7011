import { DerError, DerWalk, MAX_OID_OCTETS } from './der-walk.ts';

export { DerError } from './der-walk.ts';

/*
 * A strict reader of DER (X.690 section 10): definite minimal lengths, one-byte tags, nothing left over.
 * General ASN.1 libraries read BER, where one meaning has many encodings; what decides about identity must not.
 * Functions throw `DerError`; the exported readers of certificates and requests turn it into a `Result`. Every length and
 * count is compared with its bound before the content is touched, because all of it may come from a stranger.
 */

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

/** Most elements side by side: fields of a structure, parts of a name, extensions. */
const MAX_MEMBERS = 128;
/** Longest INTEGER where nothing else is said, in octets without the sign: serial and CRL numbers (RFC 5280 sections 4.1.2.2, 5.2.3). */
export const MAX_INTEGER_OCTETS = 20;

const elementOf = (bytes: Uint8Array, { tag, start, from, to }: DerWalk): DerElement => ({
  tag,
  content: bytes.subarray(from, to),
  raw: bytes.subarray(start, to),
});

/** The elements that follow each other in `bytes`, to its very end. @throws DerError also for more than `most` */
export const elements = (bytes: Uint8Array, most = MAX_MEMBERS): readonly DerElement[] => {
  const found: DerElement[] = [];
  const walk = new DerWalk(bytes);
  while (walk.next()) {
    if (found.length === most) throw new DerError('there are too many elements');
    found.push(elementOf(bytes, walk));
  }
  return found;
};

/** @throws DerError unless the element is there and has that tag */
export const expectTag = (element: DerElement | undefined, tag: number, what: string): DerElement => {
  if (element?.tag !== tag) throw new DerError(`${what} is missing or has the wrong type`);
  return element;
};

/** The only element of `bytes`, with that tag. */
export const single = (bytes: Uint8Array, tag: number, what: string): DerElement => {
  const walk = new DerWalk(bytes);
  const element = expectTag(walk.next() ? elementOf(bytes, walk) : undefined, tag, what);
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
  if (content.length > MAX_OID_OCTETS) throw new DerError('an object identifier is too long');
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
  if (first === undefined || started) throw new DerError('an object identifier is cut');
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...arcs.slice(1)].join('.');
};

/** The magnitude of a non-negative INTEGER of at most `most` octets, without the sign octet. */
export const unsignedInteger = (
  element: DerElement | undefined,
  what: string,
  most = MAX_INTEGER_OCTETS,
): Uint8Array => {
  const { content } = expectTag(element, TAG.integer, what);
  // With room for the sign; an octet too many is found below, where the sign is known.
  if (content.length > most + 1) throw new DerError(`${what} is too long`);
  const [first, second] = content;
  if (first === undefined || first >= 0x80) throw new DerError(`${what} is empty or negative`);
  if (first !== 0) {
    if (content.length > most) throw new DerError(`${what} is too long`);
    return content;
  }
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
  const { content } = expectTag(element, tag, 'a time');
  // The length first: a text is made of no more than that, and the pattern has one way to fit it.
  const isWhole = content.length === (tag === TAG.utcTime ? 13 : 15);
  const match = isWhole ? TIME.exec(String.fromCharCode(...content)) : null;
  if (match === null) throw new DerError('a time is malformed');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = tag === TAG.generalizedTime ? year : year + (year < 50 ? 2000 : 1900);
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // A day that its month does not have leads to another month.
  const isReal = date.getUTCMonth() === month - 1;
  if (!isReal || hour > 23 || minute > 59 || second > 59) throw new DerError('a time does not exist');
  return date;
};
