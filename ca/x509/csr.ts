import { err, ok, type Result } from '../../domain/result.ts';
import { toHex } from './bytes.ts';
import {
  bitStringOctets,
  contextTag,
  DerError,
  elements,
  expectTag,
  members,
  single,
  TAG,
  unsignedInteger,
} from './der.ts';
import { splitPem } from './pem.ts';
import { type KeyAlgorithm, keyAlgorithm, verifySignature } from './public-key.ts';

/**
 * All that is ever taken from a request: its public key. Names, attributes and extensions are not even read. The class is
 * nominal and not exported, so whoever holds one knows that its signature was checked, and need not check it again.
 */
class ReadRequest {
  readonly #proof = true;
  /** PKCS#10 DER. */
  readonly der: Uint8Array;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  readonly algorithm: KeyAlgorithm;

  constructor(der: Uint8Array, publicKeyInfo: Uint8Array, algorithm: KeyAlgorithm) {
    this.der = der;
    this.publicKeyInfo = publicKeyInfo;
    this.algorithm = algorithm;
    Object.freeze(this);
  }

  static isGenuine(value: object): value is ReadRequest {
    return #proof in value && value.#proof;
  }
}

export type CertificateRequest = ReadRequest;

/** Longest request in octets: one of RSA 8192 has 2,300 and leaves as much again for names that nobody reads. */
export const MAX_CSR_LENGTH = 8 * 1024;
/** The same as PEM, in characters, with room for line ends. */
const MAX_PEM_LENGTH = MAX_CSR_LENGTH * 1.5;
/** The second is what older OpenSSL and keytool write. */
const LABELS = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'];

const derOf = (input: string | Uint8Array): Result<Uint8Array, string> => {
  // A copy: what was checked is nobody else's to change.
  if (typeof input !== 'string') return ok(input.slice());
  if (input.length > MAX_PEM_LENGTH) return err('the request is too large');
  const blocks = splitPem(input);
  if (!blocks.ok) return blocks;
  const [block, ...others] = blocks.value;
  if (block === undefined || others.length > 0) return err('expected exactly one PEM block');
  return LABELS.includes(block.label)
    ? ok(block.der)
    : err('expected a PEM block labelled CERTIFICATE REQUEST');
};

const parse = async (der: Uint8Array): Promise<Result<CertificateRequest, string>> => {
  const parts = elements(single(der, TAG.sequence, 'the request').content);
  const info = expectTag(parts[0], TAG.sequence, 'the content of the request');
  const algorithm = expectTag(parts[1], TAG.sequence, 'the signature algorithm').raw;
  const [version, subject, publicKey, attributes, ...rest] = elements(info.content);
  if (toHex(unsignedInteger(version, 'the version')) !== '00')
    throw new DerError('the request is not version 1');
  expectTag(subject, TAG.sequence, 'the subject');
  if (attributes !== undefined) members(attributes, 'the list of attributes', contextTag(0));
  if (rest.length > 0 || parts.length !== 3) throw new DerError('the request has unexpected fields');
  const publicKeyInfo = expectTag(publicKey, TAG.sequence, 'the public key').raw;
  const signature = bitStringOctets(parts[2], 'the signature');
  const isSigned = await verifySignature({ data: info.raw, signature, algorithm }, publicKeyInfo);
  if (!isSigned) return err('the request is not signed by its own key');
  return ok(new ReadRequest(der, publicKeyInfo, keyAlgorithm(publicKeyInfo)));
};

/**
 * Reads a PKCS#10 request (RFC 2986): strict DER, nothing after it, an allowed key, and a self-signature by that
 * key. Never throws on bad input; the error can be shown to whoever sent it. What it has read before it takes as it is.
 */
export const readCsr = async (
  input: string | Uint8Array | CertificateRequest,
): Promise<Result<CertificateRequest, string>> => {
  if (typeof input === 'object' && ReadRequest.isGenuine(input)) return ok(input);
  if (typeof input === 'object' && !(input instanceof Uint8Array))
    throw new TypeError('not a request that readCsr() has read');
  const der = derOf(input);
  if (!der.ok) return der;
  if (der.value.length > MAX_CSR_LENGTH) return err('the request is too large');
  try {
    return await parse(der.value);
  } catch (error) {
    if (error instanceof DerError) return err(error.message);
    throw error;
  }
};
