import type { Clock, KeyValue, Log, Random } from '../../domain/ports/basics.ts';

export interface EncryptedOptions {
  readonly inner: KeyValue;
  /** The gateway's sealing key, 32 bytes, the same on all replicas. Keys for this purpose are derived from it. */
  readonly sealingKey: Uint8Array<ArrayBuffer>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Parts the keys of this purpose, and this format, from all others derived from the same sealing key. */
const LABEL = 'mosaic-federation/key-value/v1';
const VERSION = 1;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const EXPIRY_AT = 1 + SALT_BYTES;
const HEADER_BYTES = EXPIRY_AT + 8;
/** One writer's key per process; this many replicas' keys are kept for reading. */
const MAX_KEYS = 64;
const KEY_BYTES = 32;

const DOES_NOT_OPEN = 'a sealed value in the key-value store does not open and is taken as absent';

interface Opened {
  readonly value: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const encoder = new TextEncoder();

const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/** Keys by salt. Each process writes under a salt of its own, so no AES key ever sees more random IVs than it may. */
const createKeyRing = async (sealingKey: Uint8Array<ArrayBuffer>) => {
  const secret = await crypto.subtle.importKey('raw', sealingKey, 'HKDF', false, ['deriveKey']);
  const known = new Map<string, Promise<CryptoKey>>();

  const derive = (salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
    crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt, info: encoder.encode(LABEL) },
      secret,
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    );

  return (salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> => {
    const name = String.fromCharCode(...salt);
    const key = known.get(name) ?? derive(salt);
    known.delete(name);
    known.set(name, key);
    // The one that was not used for longest goes.
    if (known.size > MAX_KEYS) known.delete(known.keys().next().value ?? name);
    return key;
  };
};

/** version (1) · salt (16) · time of expiry, milliseconds since the epoch (8) · IV (12) · ciphertext and tag */
const readHeader = (sealed: Uint8Array<ArrayBuffer>) => {
  if (sealed.length < HEADER_BYTES + IV_BYTES + TAG_BYTES || sealed[0] !== VERSION) return null;
  return {
    header: sealed.subarray(0, HEADER_BYTES),
    salt: sealed.slice(1, EXPIRY_AT),
    expiresAt: new DataView(sealed.buffer, sealed.byteOffset).getFloat64(EXPIRY_AT),
    iv: sealed.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES),
    ciphertext: sealed.subarray(HEADER_BYTES + IV_BYTES),
  };
};

const makeHeader = (salt: Uint8Array, expiresAt: number): Uint8Array<ArrayBuffer> => {
  const header = joined(Uint8Array.of(VERSION), salt, new Uint8Array(8));
  new DataView(header.buffer).setFloat64(EXPIRY_AT, expiresAt);
  return header;
};

/**
 * A key-value port whose values are AES-256-GCM ciphertext to the one underneath. The key they stand under and the
 * time they expire are authenticated too, so that a value that was changed, moved to another key, or put back after
 * its time reads as absent. Keys, sizes and token buckets stay visible.
 *
 * @throws RangeError when the sealing key is not 32 bytes long
 */
export const createEncryptedKeyValue = async (options: EncryptedOptions): Promise<KeyValue> => {
  const { inner, sealingKey, clock, random, log } = options;
  if (sealingKey.length !== KEY_BYTES) throw new RangeError('a sealing key has 32 bytes');
  const keyOf = await createKeyRing(sealingKey);
  const ownSalt = Uint8Array.from(random.bytes(SALT_BYTES));

  const identity = (header: Uint8Array, key: string): Uint8Array<ArrayBuffer> =>
    joined(header, encoder.encode(key));

  const open = async (key: string, stored: Uint8Array): Promise<Opened | null> => {
    const parts = readHeader(Uint8Array.from(stored));
    if (parts === null) return null;
    const { header, salt, expiresAt, iv, ciphertext } = parts;
    const algorithm = { name: 'AES-GCM', iv, additionalData: identity(header, key) };
    try {
      const value = await crypto.subtle.decrypt(algorithm, await keyOf(salt), ciphertext);
      return { value: new Uint8Array(value), expiresAt };
    } catch {
      return null;
    }
  };

  const seal = async (key: string, value: Uint8Array, ttlSeconds: number): Promise<Uint8Array> => {
    const header = makeHeader(ownSalt, clock.now().getTime() + ttlSeconds * 1000);
    const iv = Uint8Array.from(random.bytes(IV_BYTES));
    const algorithm = { name: 'AES-GCM', iv, additionalData: identity(header, key) };
    const sealed = await crypto.subtle.encrypt(algorithm, await keyOf(ownSalt), Uint8Array.from(value));
    return joined(header, iv, new Uint8Array(sealed));
  };

  return {
    get: async (key) => {
      const stored = await inner.get(key);
      if (stored === null) return null;
      const opened = await open(key, stored);
      if (opened === null) {
        // No part of the key: it may name a user or a query.
        log.warn(DOES_NOT_OPEN, { bytes: stored.length });
        return null;
      }
      return opened.expiresAt > clock.now().getTime() ? opened.value : null;
    },

    set: async (key, value, ttlSeconds) => {
      if (!(ttlSeconds > 0)) return inner.set(key, value, ttlSeconds);
      await inner.set(key, await seal(key, value, ttlSeconds), ttlSeconds);
    },

    setIfAbsent: async (key, value, ttlSeconds) =>
      inner.setIfAbsent(key, ttlSeconds > 0 ? await seal(key, value, ttlSeconds) : value, ttlSeconds),

    delete: (key) => inner.delete(key),
    take: (key, bucket) => inner.take(key, bucket),
    ping: () => inner.ping(),
    close: () => inner.close(),
  };
};
