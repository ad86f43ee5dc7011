import { MosaicError } from '../../domain/errors.ts';
import type { Clock, Random, Sealer } from '../../domain/ports/basics.ts';
import type { EmbeddedCaStore, RevokedSerial, RootGenerations } from '../../domain/ports/authority.ts';
import type { SecretStore } from '../../domain/ports/sealed.ts';

export const random: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

/** A clock that stands still until it is moved. */
export const clockAt = (start: Date): Clock & { readonly advance: (milliseconds: number) => void } => {
  let now = start.getTime();
  return {
    now: () => new Date(now),
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
};

/** AES-256-GCM under a key of its own, the identity as associated data. */
export const createTestSealer = async (): Promise<Sealer> => {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ]);
  const gcm = (iv: Uint8Array<ArrayBuffer>, identity: string): AesGcmParams => ({
    name: 'AES-GCM',
    iv,
    additionalData: new TextEncoder().encode(identity),
  });
  return {
    currentKeyId: () => 'test',
    seal: async (plaintext, identity) => {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const sealed = await crypto.subtle.encrypt(gcm(iv, identity), key, new Uint8Array(plaintext));
      return btoa(String.fromCharCode(...iv, ...new Uint8Array(sealed)));
    },
    open: async (sealed, identity) => {
      const bytes = Uint8Array.from(atob(sealed), (character) => character.charCodeAt(0));
      try {
        const opened = await crypto.subtle.decrypt(gcm(bytes.slice(0, 12), identity), key, bytes.slice(12));
        return new Uint8Array(opened);
      } catch (cause) {
        throw new MosaicError('internal', { cause });
      }
    },
  };
};

export const createMemorySecrets = (): SecretStore & { readonly all: Map<string, string> } => {
  const all = new Map<string, string>();
  return {
    all,
    get: (name) => Promise.resolve(all.get(name) ?? null),
    putIfAbsent: (name, sealed) => {
      const stored = all.get(name) ?? sealed;
      all.set(name, stored);
      return Promise.resolve(stored);
    },
  };
};

export const createMemoryCaStore = (): EmbeddedCaStore => {
  const revoked = new Map<string, RevokedSerial>();
  let number = 0n;
  let roots: RootGenerations = { oldest: 1, issuing: 1, newest: 1, announcedAt: null, switchedAt: null };
  return {
    recordRevocation: (serial, reason, revokedAt) => {
      if (!revoked.has(serial)) revoked.set(serial, { serial, reason, revokedAt });
      return Promise.resolve();
    },
    roots: () => Promise.resolve(roots),
    changeRoots: (from, to) => {
      const isSame =
        from.oldest === roots.oldest && from.issuing === roots.issuing && from.newest === roots.newest;
      if (isSame) roots = to;
      return Promise.resolve(isSame);
    },
    // Which of them have ended is not known here.
    revocations: (_endsAfter, after, limit) =>
      Promise.resolve(
        [...revoked.values()]
          .filter(({ serial }) => serial > after)
          .toSorted((a, b) => (a.serial < b.serial ? -1 : 1))
          .slice(0, limit),
      ),
    nextCrlNumber: () => {
      number += 1n;
      return Promise.resolve(number);
    },
  };
};
