import { bitStringOctets, type DerElement, DerError, expectTag, members, oidText, TAG } from './der.ts';

/** Kinds of text in a name, and how many octets a character has where that is fixed (X.680 section 41). */
const TEXT_WIDTHS: ReadonlyMap<number, number> = new Map([
  [TAG.utf8String, 1],
  [0x12, 1],
  [0x13, 1],
  [0x14, 1],
  [0x16, 1],
  [0x1c, 4],
  [0x1e, 2],
]);

const assertUtf8 = (content: Uint8Array, what: string): void => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new DerError(`${what} holds something that is no text`);
  }
};

/**
 * That a name is one, whatever it says: `Name` of RFC 5280 section 4.1.2.4. Names are compared byte by byte, and OpenSSL reads
 * the same bytes: what it would refuse is refused here.
 * @throws DerError
 */
export const nameOf = (element: DerElement | undefined, what: string): DerElement => {
  for (const part of members(element, what)) {
    const attributes = members(part, what, TAG.set);
    if (attributes.length === 0) throw new DerError(`${what} has an empty part`);
    for (const attribute of attributes) {
      const [type, value, ...more] = members(attribute, what);
      oidText(type);
      const width = value === undefined ? undefined : TEXT_WIDTHS.get(value.tag);
      if (value?.tag === TAG.utf8String) assertUtf8(value.content, what);
      if (more.length > 0 || value === undefined || width === undefined || value.content.length % width !== 0)
        throw new DerError(`${what} holds something that is no text`);
    }
  }
  return expectTag(element, TAG.sequence, what);
};

/** Of RSA, of a named curve, and of other kinds. */
const PARAMETERS: readonly number[] = [TAG.nul, TAG.oid, TAG.sequence];

/** That an element is an `AlgorithmIdentifier`, of whatever algorithm. @throws DerError */
export const algorithmOf = (element: DerElement | undefined, what: string): DerElement => {
  const [oid, parameters, ...more] = members(element, what);
  oidText(oid);
  if (parameters?.tag === TAG.oid) oidText(parameters);
  const isKnown = parameters === undefined || PARAMETERS.includes(parameters.tag);
  const isEmpty = parameters?.tag !== TAG.nul || parameters.content.length === 0;
  if (more.length > 0 || !isKnown || !isEmpty) throw new DerError(`${what} is malformed`);
  return expectTag(element, TAG.sequence, what);
};

/** That a public key is a `SubjectPublicKeyInfo`, of whatever kind. @throws DerError */
export const keyOf = (element: DerElement | undefined, what: string): DerElement => {
  const [algorithm, key, ...more] = members(element, what);
  algorithmOf(algorithm, what);
  if (more.length > 0 || bitStringOctets(key, what).length === 0) throw new DerError(`${what} is malformed`);
  return expectTag(element, TAG.sequence, what);
};
