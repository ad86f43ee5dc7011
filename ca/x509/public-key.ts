import { copyBytes, fromHex, sameBytes } from './bytes.ts';
import {
  bitStringOctets,
  type DerElement,
  DerError,
  elements,
  members,
  oidText,
  single,
  TAG,
  unsignedInteger,
} from './der.ts';

export type KeyAlgorithm = 'P-256' | 'P-384' | 'RSA' | 'Ed25519';

const CURVES: Readonly<Record<string, 'P-256' | 'P-384'>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
};
const RSA_BITS = { least: 2048, most: 8192 } as const;
/** No key that is allowed signs with more octets than the longest RSA key. */
const MAX_SIGNATURE_OCTETS = RSA_BITS.most / 8;
/** FIPS 186-5 wants e > 2^16; 1 would verify anything, and long ones only cost time. */
const RSA_EXPONENT_OCTETS = { least: 3, most: 4 } as const;
export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512';

type SignatureScheme =
  { readonly name: 'ECDSA' | 'RSASSA-PKCS1-v1_5'; readonly hash: HashName } | { readonly name: 'Ed25519' };

/** RFC 5758, RFC 4055, RFC 8410. No SHA-1, and no RSA-PSS: no client needs it for a request. */
const SCHEMES: Readonly<Record<string, SignatureScheme>> = {
  '1.2.840.10045.4.3.2': { name: 'ECDSA', hash: 'SHA-256' },
  '1.2.840.10045.4.3.3': { name: 'ECDSA', hash: 'SHA-384' },
  '1.2.840.10045.4.3.4': { name: 'ECDSA', hash: 'SHA-512' },
  '1.2.840.113549.1.1.11': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  '1.2.840.113549.1.1.12': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  '1.2.840.113549.1.1.13': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
  '1.3.101.112': { name: 'Ed25519' },
};

/** NULL has no content: another one would be a second way to write the same. */
const isNull = (element: DerElement | undefined): boolean =>
  element?.tag === TAG.nul && element.content.length === 0;

const checkRsa = (key: Uint8Array): void => {
  const [modulus, exponent, ...rest] = elements(single(key, TAG.sequence, 'the RSA key').content);
  const n = unsignedInteger(modulus, 'the RSA modulus', RSA_BITS.most / 8);
  const e = unsignedInteger(exponent, 'the RSA exponent', RSA_EXPONENT_OCTETS.most);
  // What is longer than the most was refused just now.
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
  if (rest.length > 0) throw new DerError('the RSA key has too many fields');
  if (bits < RSA_BITS.least) {
    throw new DerError(`an RSA key must have ${String(RSA_BITS.least)} to ${String(RSA_BITS.most)} bits`);
  }
  const isOdd = ((e[e.length - 1] ?? 0) & 1) === 1;
  if (!isOdd || e.length < RSA_EXPONENT_OCTETS.least)
    throw new DerError('the RSA public exponent is not acceptable');
};

/**
 * Which allowed key a SubjectPublicKeyInfo holds (SPEC M2: P-256, P-384, RSA ≥ 2048, Ed25519).
 * @throws DerError when it is malformed or not allowed
 */
export const keyAlgorithm = (publicKeyInfo: Uint8Array): KeyAlgorithm => {
  const [algorithm, key, ...rest] = elements(single(publicKeyInfo, TAG.sequence, 'the public key').content);
  const [oid, parameters, ...more] = members(algorithm, 'the algorithm of the public key');
  const octets = bitStringOctets(key, 'the public key');
  if (rest.length > 0 || more.length > 0) throw new DerError('the public key has too many fields');
  const name = oidText(oid);
  if (name === '1.2.840.10045.2.1') {
    const curve = CURVES[oidText(parameters)];
    if (curve === undefined) throw new DerError('the elliptic curve is not P-256 or P-384');
    return curve;
  }
  if (name === '1.2.840.113549.1.1.1') {
    if (!isNull(parameters)) throw new DerError('the parameter of the RSA algorithm is not NULL');
    checkRsa(octets);
    return 'RSA';
  }
  if (name === '1.3.101.112' && parameters === undefined) return 'Ed25519';
  throw new DerError('the kind of public key is not allowed');
};

/** ECDSA's SEQUENCE of r and s as the fixed-width pair WebCrypto wants. */
const rawEcdsa = (signature: Uint8Array, width: number): Uint8Array<ArrayBuffer> => {
  const [r, s, ...rest] = elements(single(signature, TAG.sequence, 'the signature').content);
  const halves = [unsignedInteger(r, 'r', width), unsignedInteger(s, 's', width)];
  if (rest.length > 0) throw new DerError('the signature has too many fields');
  const raw = new Uint8Array(width * 2);
  halves.forEach((half, index) => raw.set(half, width * (index + 1) - half.length));
  return raw;
};

const importParameters = (
  key: KeyAlgorithm,
  hash: HashName,
): RsaHashedImportParams | EcKeyImportParams | Algorithm => {
  if (key === 'RSA') return { name: 'RSASSA-PKCS1-v1_5', hash };
  return key === 'Ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: key };
};

/**
 * How a key of these kinds begins where it is encoded the only way that DER and RFC 5480 section 2.2 allow: everything but the
 * key's own octets, and with it their length. WebCrypto takes compressed and hybrid points as well, and writes a hybrid one out
 * as it came. RSA keys vary in length.
 */
const HEADS: Readonly<Partial<Record<KeyAlgorithm, Uint8Array>>> = {
  'P-256': fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
  'P-384': fromHex('3076301006072a8648ce3d020106052b8104002203620004'),
  Ed25519: fromHex('302a300506032b6570032100'),
};

const SCHEME_OF_KEY = {
  'P-256': 'ECDSA',
  'P-384': 'ECDSA',
  RSA: 'RSASSA-PKCS1-v1_5',
  Ed25519: 'Ed25519',
} as const;

export interface SignedData {
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
  /** DER of the signature's AlgorithmIdentifier. */
  readonly algorithm: Uint8Array;
}

/** The key, or null when it is not in its one form, or WebCrypto refuses it, or would write it another way than it came. */
const importKey = async (
  publicKeyInfo: Uint8Array,
  kind: KeyAlgorithm,
  hash: HashName,
): Promise<CryptoKey | null> => {
  const { subtle } = globalThis.crypto;
  const info = copyBytes(publicKeyInfo);
  const head = HEADS[kind];
  if (head !== undefined && !sameBytes(info.subarray(0, head.length), head)) return null;
  try {
    const key = await subtle.importKey('spki', info, importParameters(kind, hash), true, ['verify']);
    // Writing it out costs as much as reading it, and there is nothing to find where only one form was possible.
    if (head !== undefined) return key;
    return sameBytes(new Uint8Array(await subtle.exportKey('spki', key)), info) ? key : null;
  } catch {
    return null; // No point on the curve, or the like.
  }
};

const schemeOf = (algorithm: Uint8Array, kind: KeyAlgorithm): SignatureScheme => {
  const [oid, parameters, ...rest] = members(
    single(algorithm, TAG.sequence, 'the algorithm'),
    'the algorithm',
  );
  const scheme = SCHEMES[oidText(oid)];
  const isFitting = kind === 'RSA' ? isNull(parameters) : parameters === undefined;
  if (scheme?.name !== SCHEME_OF_KEY[kind] || !isFitting || rest.length > 0) {
    throw new DerError('the signature algorithm is not allowed for this key');
  }
  return scheme;
};

/** Checks what one key signed. @throws DerError when algorithm or signature are malformed or not allowed */
export type Verifier = (signed: SignedData) => Promise<boolean>;

/**
 * Checks signatures of one key with WebCrypto; the key is imported once. False also for a key WebCrypto refuses, and for one
 * that is not encoded the only way DER allows: what is compared byte for byte later must have one form.
 * @throws DerError when the key is malformed or not allowed
 */
export const verifierOf = (publicKeyInfo: Uint8Array): Verifier => {
  const kind = keyAlgorithm(publicKeyInfo);
  const keys = new Map<HashName, Promise<CryptoKey | null>>();
  return async (signed) => {
    if (signed.signature.length > MAX_SIGNATURE_OCTETS) throw new DerError('the signature is too long');
    const scheme = schemeOf(signed.algorithm, kind);
    const hash = scheme.name === 'Ed25519' ? 'SHA-512' : scheme.hash;
    const isCurve = kind === 'P-256' || kind === 'P-384';
    const signature = isCurve
      ? rawEcdsa(signed.signature, kind === 'P-256' ? 32 : 48)
      : copyBytes(signed.signature);
    const importing = keys.get(hash) ?? importKey(publicKeyInfo, kind, hash);
    keys.set(hash, importing);
    const key = await importing;
    if (key === null) return false;
    try {
      const algorithm = { name: scheme.name, hash };
      return await globalThis.crypto.subtle.verify(algorithm, key, signature, copyBytes(signed.data));
    } catch {
      return false;
    }
  };
};

/** Checks one signature, as `verifierOf` does. @throws DerError when key, algorithm or signature are malformed or not allowed */
export const verifySignature = async (signed: SignedData, publicKeyInfo: Uint8Array): Promise<boolean> =>
  verifierOf(publicKeyInfo)(signed);
