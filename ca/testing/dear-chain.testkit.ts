import { element, oid, time } from '../x509/der-write.ts';
import { TAG } from '../x509/der.ts';
import { derToPem } from '../x509/pem.ts';

/** What a certificate made to be dear to verify has for a key. */
export type DearKey = 'rsa' | 'p521';

const DAY_MS = 86_400_000;
const VERSION_3 = Uint8Array.of(0xa0, 3, TAG.integer, 1, 2);
const NULL = Uint8Array.of(5, 0);
/** The longest modulus with which OpenSSL takes an exponent of any length. */
const RSA_OCTETS = 384;
const RSA_ENCRYPTION = element(TAG.sequence, oid('1.2.840.113549.1.1.1'), NULL);
const SHA256_WITH_RSA = element(TAG.sequence, oid('1.2.840.113549.1.1.11'), NULL);
const ECDSA_WITH_SHA256 = element(TAG.sequence, oid('1.2.840.10045.4.3.2'));

/** A positive, odd number of so many octets, its highest bit clear. */
const oddNumber = (octets: number, first: number): Uint8Array => {
  const content = crypto.getRandomValues(new Uint8Array(octets));
  content[0] = first;
  content[octets - 1] = (content[octets - 1] ?? 0) | 1;
  return element(TAG.integer, first >= 0x80 ? Uint8Array.of(0, ...content) : content);
};

const bits = (content: Uint8Array): Uint8Array => element(TAG.bitString, Uint8Array.of(0), content);

const keyAndSignature = async (kind: DearKey) => {
  if (kind === 'rsa') {
    const numbers = element(TAG.sequence, oddNumber(RSA_OCTETS, 0xff), oddNumber(RSA_OCTETS, 0x7f));
    return {
      keyInfo: element(TAG.sequence, RSA_ENCRYPTION, bits(numbers)),
      algorithm: SHA256_WITH_RSA,
      // Below the modulus, so that it is raised to the exponent.
      signature: bits(crypto.getRandomValues(new Uint8Array(RSA_OCTETS)).fill(0x11, 0, 1)),
    };
  }
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-521' }, true, [
    'sign',
    'verify',
  ]);
  return {
    keyInfo: new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)),
    algorithm: ECDSA_WITH_SHA256,
    signature: bits(element(TAG.sequence, oddNumber(65, 0x7f), oddNumber(65, 0x7f))),
  };
};

const ownKey = async (isRsa: boolean): Promise<{ key: string; keyInfo: Uint8Array }> => {
  const { subtle } = crypto;
  const pair = isRsa
    ? await subtle.generateKey(
        {
          name: 'RSASSA-PKCS1-v1_5',
          hash: 'SHA-256',
          modulusLength: 2048,
          publicExponent: Uint8Array.of(1, 0, 1),
        },
        true,
        ['sign', 'verify'],
      )
    : await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  return {
    key: derToPem(new Uint8Array(await subtle.exportKey('pkcs8', pair.privateKey)), 'PRIVATE KEY'),
    keyInfo: new Uint8Array(await subtle.exportKey('spki', pair.publicKey)),
  };
};

const named = (text: string): Uint8Array =>
  element(
    TAG.sequence,
    element(0x31, element(TAG.sequence, oid('2.5.4.3'), element(0x0c, new TextEncoder().encode(text)))),
  );

/**
 * A client's or server's certificate and its key, with so many authorities that each name the next one. The signatures are forged:
 * whoever verifies them finds that out one by one, and each takes milliseconds. Nothing of it leads to anybody's root.
 *
 * @param leaf `isLeafRsa`: its own key is RSA, of 2,048 bits, and not P-256
 * @returns PEM, leaf first, and the leaf's key
 */
export const dearChain = async (
  count: number,
  kind: DearKey,
  leaf: { readonly isLeafRsa?: boolean; readonly name?: string } = {},
): Promise<{ cert: string; key: string }> => {
  const { isLeafRsa = false, name = 'c0' } = leaf;
  const own = await ownKey(isLeafRsa);
  const parts: string[] = [];
  for (let index = 0; index <= count; index += 1) {
    const { keyInfo, algorithm, signature } = await keyAndSignature(kind);
    const tbs = element(
      TAG.sequence,
      VERSION_3,
      Uint8Array.of(TAG.integer, 1, 1 + (index % 100)),
      algorithm,
      named(`c${index + 1}`),
      element(TAG.sequence, time(new Date(Date.now() - DAY_MS)), time(new Date(Date.now() + DAY_MS))),
      named(index === 0 ? name : `c${index}`),
      index === 0 ? own.keyInfo : keyInfo,
    );
    parts.push(derToPem(element(TAG.sequence, tbs, algorithm, signature), 'CERTIFICATE'));
  }
  return { cert: parts.join(''), key: own.key };
};
