import { commonName } from '../x509/build.ts';
import { encodeEntry } from '../x509/crl.ts';
import { concat, element, integer, integerOfHex, oid, time } from '../x509/der-write.ts';
import { contextTag, TAG } from '../x509/der.ts';
import { OID } from '../x509/oids.ts';

export interface CrlIssuer {
  /** DER of the name, and of the public key. */
  readonly subject: Uint8Array;
  readonly publicKeyInfo: Uint8Array;
  readonly key: CryptoKey;
}

export const newIssuer = async (name = 'Forger'): Promise<CrlIssuer> => {
  const { subtle } = crypto;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
  const { privateKey, publicKey } = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const subject = new Uint8Array(commonName(name).toSchema().toBER());
  return {
    subject,
    publicKeyInfo: new Uint8Array(await subtle.exportKey('spki', publicKey)),
    key: privateKey,
  };
};

/** An extension as DER, with any value. */
export const crlExtension = (name: string, value: Uint8Array, critical = false): Uint8Array =>
  element(
    TAG.sequence,
    oid(name),
    ...(critical ? [Uint8Array.of(TAG.boolean, 1, 0xff)] : []),
    element(TAG.octetString, value),
  );

/** An entry with any extensions. */
export const entryWith = (serial: string, ...extensions: readonly Uint8Array[]): Uint8Array =>
  element(
    TAG.sequence,
    integerOfHex(serial),
    time(new Date('2026-01-01T00:00:00Z')),
    ...(extensions.length === 0 ? [] : [element(TAG.sequence, ...extensions)]),
  );

export const reason = (code: number, critical = false): Uint8Array =>
  crlExtension(OID.crlReason, Uint8Array.of(0x0a, 1, code), critical);

/** A list of this issuer, rightly signed, with whatever it is told to have. */
export const forgeCrl = async (
  issuer: CrlIssuer,
  list: {
    readonly number?: bigint;
    readonly serials?: readonly string[];
    readonly entries?: readonly Uint8Array[];
    readonly extensions?: readonly Uint8Array[];
  } = {},
): Promise<Uint8Array> => {
  const { number = 7n, serials = [], extensions = [] } = list;
  const now = new Date();
  const entries =
    list.entries ??
    serials.map((serial) => encodeEntry({ serial, revokedAt: now, reason: 'key_compromise' }));
  const scheme = element(TAG.sequence, oid('1.2.840.10045.4.3.2'));
  const tbs = element(
    TAG.sequence,
    Uint8Array.of(TAG.integer, 1, 1),
    scheme,
    issuer.subject,
    time(now),
    time(new Date(now.getTime() + 86_400_000)),
    ...(entries.length === 0 ? [] : [element(TAG.sequence, concat(entries))]),
    element(
      contextTag(0),
      element(TAG.sequence, crlExtension(OID.crlNumber, integerOfHex(number.toString(16))), ...extensions),
    ),
  );
  const raw = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, issuer.key, tbs));
  const signature = element(TAG.sequence, integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  return element(TAG.sequence, tbs, scheme, element(TAG.bitString, Uint8Array.of(0), signature));
};
