import { fromHex, octetAt, serialText } from './bytes.ts';
import { MAX_INTEGER_OCTETS, TAG } from './der.ts';
import { DerError, DerWalk, MAX_OID_OCTETS } from './der-walk.ts';

/*
 * The entries of a revocation list. There may be hundreds of thousands in what a stranger sends, so they are stepped over one
 * by one, and of none of them, nor of its extensions, an object is made.
 */

const ENUMERATED = 0x0a;
/** RFC 5280 section 5.3.1: replaced by another certificate, on hold, and no longer on the list. */
const NOT_FOR_GOOD: readonly number[] = [4, 6, 8];
const MAX_REASON = 10;

/** One entry: where the magnitude of its serial is, and where its extensions are, if any. Used again for each. */
class EntryWalk {
  readonly #list: DerWalk;
  readonly #fields: DerWalk;
  readonly #bytes: Uint8Array;
  serialFrom = 0;
  serialTo = 0;
  extensionsFrom = 0;
  extensionsTo = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#list = new DerWalk(bytes);
    this.#fields = new DerWalk(bytes);
  }

  /** @throws DerError for what is no entry */
  next(): boolean {
    const list = this.#list;
    const fields = this.#fields;
    if (!list.next()) return false;
    if (list.tag !== TAG.sequence) throw new DerError('an entry has the wrong type');
    fields.enter(list.from, list.to);
    this.#readSerial();
    const isTime =
      fields.next() &&
      ((fields.tag === TAG.utcTime && fields.to - fields.from === 13) ||
        (fields.tag === TAG.generalizedTime && fields.to - fields.from === 15));
    if (!isTime) throw new DerError('an entry has no date');
    this.extensionsFrom = 0;
    this.extensionsTo = 0;
    if (!fields.next()) return true;
    if (fields.tag !== TAG.sequence || fields.to !== list.to || fields.to === fields.from)
      throw new DerError('an entry has unexpected fields');
    this.extensionsFrom = fields.from;
    this.extensionsTo = fields.to;
    return true;
  }

  #readSerial(): void {
    const fields = this.#fields;
    if (!fields.next() || fields.tag !== TAG.integer) throw new DerError('an entry has no serial');
    const length = fields.to - fields.from;
    const first = octetAt(this.#bytes, fields.from);
    const hasSign = first === 0 && length > 1;
    // What is negative, not minimal, or longer than RFC 5280 allows.
    const isBad =
      length === 0 ||
      first >= 0x80 ||
      (hasSign && octetAt(this.#bytes, fields.from + 1) < 0x80) ||
      length > MAX_INTEGER_OCTETS + (hasSign ? 1 : 0);
    if (isBad) throw new DerError('a serial is not in DER');
    this.serialFrom = fields.from + (hasSign ? 1 : 0);
    this.serialTo = fields.to;
  }
}

/** Last octet of an OBJECT IDENTIFIER of the arc of extensions (2.5.29.…), or null for any other. */
const arcAt = (bytes: Uint8Array, from: number, to: number): number | null =>
  to - from === 3 && bytes[from] === 0x55 && bytes[from + 1] === 0x1d ? octetAt(bytes, from + 2) : null;

/** Whether the arcs of an OBJECT IDENTIFIER are whole and minimal, and few. */
const isOid = (bytes: Uint8Array, from: number, to: number): boolean => {
  if (from === to || to - from > MAX_OID_OCTETS) return false;
  // An arc begins behind the last octet of another one, or behind the length, which is below 0x80 as well.
  for (let at = from; at < to; at += 1) if (octetAt(bytes, at - 1) < 0x80 && bytes[at] === 0x80) return false;
  return octetAt(bytes, to - 1) < 0x80;
};

const REASON_CODE = 21;
const CERTIFICATE_ISSUER = 29;

/** `[ENUMERATED] [1] [code]` at this place. @throws DerError */
const codeAt = (bytes: Uint8Array, from: number, to: number): number => {
  const code = octetAt(bytes, from + 2);
  const isOne = to - from === 3 && bytes[from] === ENUMERATED && bytes[from + 1] === 1;
  if (!isOne || code > MAX_REASON) throw new DerError('the reason is not known');
  return code;
};

/** Reads the extensions of an entry; used again for each. */
class ExtensionWalk {
  readonly #bytes: Uint8Array;
  readonly #list: DerWalk;
  readonly #fields: DerWalk;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#list = new DerWalk(bytes);
    this.#fields = new DerWalk(bytes);
  }

  /** The reason, null without one, or `not_supported`. @throws DerError */
  read(from: number, to: number): number | null | 'not_supported' {
    const list = this.#list;
    const fields = this.#fields;
    let found: number | null = null;
    let isSupported = true;
    list.enter(from, to);
    while (list.next()) {
      if (list.tag !== TAG.sequence) throw new DerError('an extension has the wrong type');
      fields.enter(list.from, list.to);
      if (!fields.next() || fields.tag !== TAG.oid || !isOid(this.#bytes, fields.from, fields.to))
        throw new DerError('an extension has no object identifier');
      const arc = arcAt(this.#bytes, fields.from, fields.to);
      const isCritical = this.#toValue(list.to);
      if (arc === REASON_CODE) {
        if (found !== null) throw new DerError('an entry has two reasons');
        found = codeAt(this.#bytes, fields.from, fields.to);
      }
      // An entry of another issuer makes all that follow of that issuer, too: the list is an indirect one.
      else if (isCritical || arc === CERTIFICATE_ISSUER) isSupported = false;
    }
    return isSupported ? found : 'not_supported';
  }

  /** Steps to the value, which ends here. @returns whether a flag before it says that the extension is critical */
  #toValue(end: number): boolean {
    const { tag, from, to } = this.#step();
    const isFlag = tag === TAG.boolean;
    if (isFlag && (to - from !== 1 || this.#bytes[from] !== 0xff))
      throw new DerError('a critical flag is not in DER');
    const value = isFlag ? this.#step() : this.#fields;
    if (value.tag !== TAG.octetString || value.to !== end) throw new DerError('an extension has no value');
    return isFlag;
  }

  #step(): DerWalk {
    if (!this.#fields.next()) throw new DerError('an extension has no value');
    return this.#fields;
  }
}

/** The reason of the entry that a walk is at, null without one, or `not_supported`. @throws DerError */
const reasonIn = (
  { extensionsFrom: from, extensionsTo: to }: EntryWalk,
  extensions: ExtensionWalk,
): number | null | 'not_supported' => (from === to ? null : extensions.read(from, to));

/**
 * Looks at every entry. @param content of `revokedCertificates`
 * @throws DerError for what is no list of entries
 */
export const assertEntries = (content: Uint8Array): 'known' | 'not_supported' => {
  const walk = new EntryWalk(content);
  const extensions = new ExtensionWalk(content);
  while (walk.next()) if (reasonIn(walk, extensions) === 'not_supported') return 'not_supported';
  return 'known';
};

/** Length and last octets: few entries share those of a serial that is asked for. */
const sieveOf = (bytes: Uint8Array, from: number, to: number): number => {
  let key = to - from;
  for (let at = Math.max(from, to - 3); at < to; at += 1) key = key * 256 + octetAt(bytes, at);
  return key;
};

const sieveOfText = (serial: string): number => {
  const octets = fromHex(serial.length % 2 === 0 ? serial : `0${serial}`);
  return sieveOf(octets, 0, octets.length);
};

/**
 * Those of the serials that an entry revokes for good. An entry that says so counts, whatever another one of the same serial
 * says. @param content of `revokedCertificates`, of which `assertEntries` has looked at every entry
 */
export const revokedAmong = (content: Uint8Array, serials: Iterable<string>): ReadonlySet<string> => {
  const asked = new Set(serials);
  const sieves = new Set([...asked].map(sieveOfText));
  const revoked = new Set<string>();
  if (asked.size === 0) return revoked;
  const walk = new EntryWalk(content);
  const extensions = new ExtensionWalk(content);
  while (walk.next()) {
    if (!sieves.has(sieveOf(content, walk.serialFrom, walk.serialTo))) continue;
    const serial = serialText(content.subarray(walk.serialFrom, walk.serialTo));
    if (!asked.has(serial)) continue;
    const reason = reasonIn(walk, extensions);
    if (typeof reason !== 'number' || !NOT_FOR_GOOD.includes(reason)) revoked.add(serial);
  }
  return revoked;
};
