import { FlattenedEncrypt, base64url, decodeProtectedHeader, flattenedDecrypt } from 'jose';
import { toHex } from '../../domain/bytes.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Sealer } from '../../domain/ports/basics.ts';

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

/** A sealer whose keys can be exchanged while it is in use. */
export interface KeyRing extends Sealer {
  replace(keys: SealingKeys): void;
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

/** Keys with their ids. @throws MosaicError `unavailable` when one does not have 32 bytes */
export const sealingKeys = async (
  current: Uint8Array,
  older: readonly Uint8Array[] = [],
): Promise<SealingKeys> => ({
  current: await sealingKey(current),
  older: await Promise.all(older.map(sealingKey)),
});

const protectedHeader = (keyId: string) => ({ alg: 'dir', enc: 'A256GCM', kid: keyId });

/** The second part of everything a key seals: it tells the key without opening anything. */
export const sealedHeader = (keyId: string): string =>
  base64url.encode(JSON.stringify(protectedHeader(keyId)));

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
export const createSealer = (initial: SealingKeys): KeyRing => {
  const ringOf = ({ current, older = [] }: SealingKeys) => ({
    current,
    keys: new Map([...older, current].map(({ id, key }) => [id, key])),
  });
  let ring = ringOf(initial);
  return {
    replace: (keys) => void (ring = ringOf(keys)),
    currentKeyId: () => ring.current.id,

    seal: async (plaintext, identity) => {
      const { current } = ring;
      const jwe = await new FlattenedEncrypt(plaintext)
        .setProtectedHeader(protectedHeader(current.id))
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
      const key = ring.keys.get(id);
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
