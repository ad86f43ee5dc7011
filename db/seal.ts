import { FlattenedEncrypt, base64url, decodeProtectedHeader, flattenedDecrypt } from 'jose';
import { toHex } from '../domain/bytes.ts';
import { MosaicError } from '../domain/errors.ts';
import type { Sealer } from '../domain/ports/basics.ts';

export interface SealingKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface SealingKeys {
  /** Seals. */
  readonly current: SealingKey;
  /** Still open what they sealed; nothing new is sealed under them. */
  readonly older?: readonly SealingKey[];
}

const KEY_BYTES = 32;
const PREFIX = 'seal1';
const encoder = new TextEncoder();

const failure = (reason: string, cause?: unknown): MosaicError =>
  new MosaicError('internal', { cause: new Error(`cannot open a sealed value: ${reason}`, { cause }) });

/**
 * A key with its id, which is derived from the key (16 hexadecimal characters of SHA-256 under a label of its own) so
 * that all replicas name it alike and nobody has to.
 * @throws MosaicError `unavailable` when it does not have 32 bytes
 */
export const sealingKey = async (key: Uint8Array): Promise<SealingKey> => {
  if (key.length !== KEY_BYTES) {
    throw new MosaicError('unavailable', {
      detail: `The sealing key must have ${KEY_BYTES} bytes, not ${key.length}.`,
    });
  }
  const label = encoder.encode('mosaic-sealing-key-id:');
  const message = new Uint8Array(label.length + key.length);
  message.set(label);
  message.set(key, label.length);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', message));
  return {
    id: toHex(digest.subarray(0, 8)),
    key,
  };
};

/** The id of the key that sealed a value, or null for what is not a sealed value. */
export const sealedUnder = (sealed: string): string | null => {
  const [prefix, header] = sealed.split('.');
  if (prefix !== PREFIX || header === undefined) return null;
  try {
    return decodeProtectedHeader({ protected: header }).kid ?? null;
  } catch {
    return null;
  }
};

/**
 * AES-256-GCM by jose (RFC 7516, `dir`), the key's id in the protected header, the identity as associated data:
 * `seal1.<header>.<iv>.<ciphertext>.<tag>`, each part base64url. The identity is not stored: who opens must know it.
 */
export const createSealer = ({ current, older = [] }: SealingKeys): Sealer => {
  const keys = new Map([...older, current].map(({ id, key }) => [id, key]));
  return {
    seal: async (plaintext, identity) => {
      const jwe = await new FlattenedEncrypt(plaintext)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: current.id })
        .setAdditionalAuthenticatedData(encoder.encode(identity))
        .encrypt(current.key);
      return [PREFIX, jwe.protected, jwe.iv, jwe.ciphertext, jwe.tag].join('.');
    },

    open: async (sealed, identity) => {
      const [, header, iv, ciphertext, tag, ...rest] = sealed.split('.');
      const id = sealedUnder(sealed);
      if (
        id === null ||
        header === undefined ||
        iv === undefined ||
        ciphertext === undefined ||
        tag === undefined ||
        rest.length > 0
      ) {
        throw failure('it is not in the sealed form');
      }
      const key = keys.get(id);
      if (key === undefined) throw failure(`it was sealed under key ${id}, which is not configured`);
      const aad = base64url.encode(encoder.encode(identity));
      try {
        const { plaintext } = await flattenedDecrypt({ protected: header, iv, ciphertext, tag, aad }, key, {
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
        });
        return plaintext;
      } catch (error) {
        throw failure('it was changed, or belongs to something else', error);
      }
    },
  };
};
