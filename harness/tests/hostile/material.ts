import { concat, element, oid, time } from '../../../ca/x509/der-write.ts';
import { TAG } from '../../../ca/x509/der.ts';
import { derToPem } from '../../../ca/x509/pem.ts';

/** What hostile clients and peers send: small to make, dear to read for whoever looks before counting. */
const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = element(TAG.sequence, oid('1.2.840.10045.4.3.2'));
const SIGNATURE = element(TAG.bitString, new Uint8Array(65));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An object identifier of so many octets that are one single arc. */
const longOid = (octets: number): Uint8Array => {
  const content = new Uint8Array(octets).fill(0xff);
  content[0] = 0x2a;
  content[octets - 1] = 0x7f;
  return element(TAG.oid, content);
};

/** An unsigned list with one extension, whose identifier has 512 KB (F-1). */
export const listWithLongOid = (): Uint8Array => {
  const extension = element(TAG.sequence, longOid(512 * 1024), element(TAG.octetString, Uint8Array.of(5, 0)));
  const tbs = element(
    TAG.sequence,
    Uint8Array.of(TAG.integer, 1, 1),
    ECDSA_WITH_SHA256,
    element(TAG.sequence),
    time(new Date()),
    time(new Date(Date.now() + DAY_MS)),
    element(0xa0, element(TAG.sequence, extension)),
  );
  return element(TAG.sequence, tbs, ECDSA_WITH_SHA256, SIGNATURE);
};

/** Two sequences around four million NULLs, 8 MiB together (F-1). */
export const listOfNulls = (): Uint8Array => {
  const nulls = new Uint8Array(8 * MIB - 32);
  for (let at = 0; at < nulls.length; at += 2) nulls[at] = 5;
  return element(TAG.sequence, element(TAG.sequence, nulls));
};

/** A number of 2 MB for a list that is signed as it should be (F-1). */
export const LIST_NUMBER = 1n << BigInt(8 * 2_000_000);

/** A request for a certificate whose subject's one attribute has an identifier of 16 KB (F-1). */
export const requestWithLongOid = async (): Promise<string> => {
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const keyInfo = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
  const attribute = element(TAG.sequence, longOid(16 * 1024), element(0x0c, utf8('a')));
  const info = element(
    TAG.sequence,
    Uint8Array.of(TAG.integer, 1, 0),
    element(TAG.sequence, element(0x31, attribute)),
    keyInfo,
    element(0xa0),
  );
  const der = concat([element(TAG.sequence, info, ECDSA_WITH_SHA256, SIGNATURE)]);
  return derToPem(der, 'CERTIFICATE REQUEST');
};

/** 95,000 members that no route knows: 880 KB (F-3). */
export const manyMembers = (): string =>
  `{${Array.from({ length: 95_000 }, (_, index) => `"k${index}":1`).join(',')}}`;

/** What a peer answers to a list: arrays without end, 8 MiB (F-1). */
export const manyArrays = (): string => `{"items":[${'[],'.repeat(Math.floor((8 * MIB - 64) / 3))}[]]}`;

/** Text of which each character takes six in JSON (F-5). */
export const controlText = (characters: number): string => '\u0001'.repeat(characters);
