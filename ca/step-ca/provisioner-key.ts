import {
  calculateJwkThumbprint,
  compactDecrypt,
  flattenedDecrypt,
  importJWK,
  type FlattenedJWE,
  type JWK,
} from 'jose';
import { MosaicError } from '../../domain/errors.ts';

/** A JWK provisioner's private key, ready to sign one-time tokens. */
export interface ProvisionerKey {
  /** The provisioner's name, which is the tokens' issuer. */
  readonly name: string;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly key: CryptoKey;
}

const DECRYPTION = {
  keyManagementAlgorithms: ['PBES2-HS256+A128KW'],
  contentEncryptionAlgorithms: ['A256GCM', 'A128GCM'],
  // step writes 600,000 rounds; a file that asks for many more would only burn time.
  maxPBES2Count: 2_000_000,
};

const refused = (name: string, why: string, cause?: unknown): MosaicError =>
  new MosaicError('ca_unavailable', { detail: `The key of the step-ca provisioner ${name} ${why}.`, cause });

const decrypt = async (text: string, name: string, password: string | null): Promise<string> => {
  if (password === null) throw refused(name, 'is encrypted: set STEP_CA_PROVISIONER_PASSWORD_FILE');
  const secret = new TextEncoder().encode(password);
  try {
    const { plaintext } = text.startsWith('{')
      ? await flattenedDecrypt(JSON.parse(text) as FlattenedJWE, secret, DECRYPTION)
      : await compactDecrypt(text, secret, DECRYPTION);
    return new TextDecoder().decode(plaintext);
  } catch (error) {
    throw refused(name, 'does not open with that password', error);
  }
};

const isPlainJwk = (value: unknown): value is JWK =>
  typeof value === 'object' && value !== null && 'kty' in value;

/**
 * Reads a provisioner's key as `step crypto jwk create` writes it: a private JWK, or the same inside a JWE (flattened or
 * compact). Decrypting costs a tenth of a second, so this is done once at start.
 * @param password only for an encrypted key
 * @throws MosaicError `ca_unavailable`, saying what to set
 */
export const readProvisionerKey = async (
  name: string,
  input: string,
  password: string | null,
): Promise<ProvisionerKey> => {
  const text = input.trim();
  let jwk: unknown;
  try {
    const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : null;
    jwk = isPlainJwk(parsed) ? parsed : JSON.parse(await decrypt(text, name, password));
  } catch (error) {
    if (error instanceof MosaicError) throw error;
    throw refused(name, 'is not a JSON Web Key', error);
  }
  if (!isPlainJwk(jwk) || jwk.crv !== 'P-256' || jwk.d === undefined) {
    throw refused(name, 'is not a private P-256 key');
  }
  const key = await importJWK(jwk, 'ES256');
  if (key instanceof Uint8Array) throw refused(name, 'is not a private P-256 key');
  return { name, kid: await calculateJwkThumbprint(jwk), key };
};
