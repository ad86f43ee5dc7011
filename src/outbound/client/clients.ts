import { LRUCache } from 'lru-cache';
import { MosaicError } from '../../../domain/errors.ts';
import type { Sealer } from '../../../domain/ports/basics.ts';
import type { AskedPeer, Peer } from '../../../domain/ports/peers.ts';
import type { PeerClient, PeerTransport } from '../../app/deps.ts';

/** What tells one client of a peer from another. */
type Named = Pick<AskedPeer, 'id' | 'cacheEpoch'>;

/**
 * Mutual-TLS clients, one per peer and certificate: certificate and key are read and the key is unsealed once, not once a
 * request. The epoch in the peer's row tells when they may be others: it rises with them.
 */
export interface PeerClients {
  /** @throws MosaicError `peer_unreachable` when the peer's enrollment is incomplete, `internal` when its key does not open */
  use(peer: Named): Promise<PeerClient>;
  /** Forgets a peer's client, whatever it was made of; its calls in flight finish. */
  close(peerId: string): Promise<void>;
  closeAll(): Promise<void>;
}

/** Identity a peer's private key is sealed under (ports/peers.ts). */
export const clientKeyIdentity = (peerId: string): string => `federation_peers/${peerId}/client_key_pem`;

/** Connections are cheap to make again, so what was not used for long goes first. */
const MAX_CLIENTS = 1_000;
/**
 * How long a client goes on after another took its place: whoever got it a moment ago may not have called yet, and its
 * certificate still is good (B gives it ten minutes).
 */
const RETIRE_MS = 10_000;

interface Made {
  /** Another value means that the certificate was swapped. */
  readonly of: string;
  readonly client: PeerClient;
}

interface Held {
  /** Of the newest row that was asked for. */
  epoch: number;
  made: Promise<Made>;
  /** The same promise for everyone. */
  client: Promise<PeerClient>;
}

export interface PeerClientsParts {
  readonly transport: PeerTransport;
  readonly sealer: Sealer;
  /** Reads a peer's whole row; null when there is none any more. */
  readonly load: (peerId: string) => Promise<Peer | null>;
  readonly retireMs?: number;
}

const closeQuietly = async (made: Promise<Made>): Promise<void> => {
  // A client that never came to be has nothing to close, and one that fails to close is gone as well.
  await made.then(({ client }) => client.close()).catch(() => undefined);
};

export const createPeerClients = (parts: PeerClientsParts): PeerClients => {
  const { transport, sealer, load, retireMs = RETIRE_MS } = parts;
  const retiring = new Map<Promise<Made>, ReturnType<typeof setTimeout>>();
  const retire = (old: Promise<Made>): void => {
    const end = (): void => {
      retiring.delete(old);
      void closeQuietly(old);
    };
    retiring.set(old, setTimeout(end, retireMs));
  };
  const held = new LRUCache<string, Held>({
    max: MAX_CLIENTS,
    // What is deleted on purpose is closed by whoever deletes it.
    dispose: ({ made }, _peerId, reason) => {
      if (reason !== 'delete') retire(made);
    },
  });

  /** @param before goes on when nothing of what it was made of has changed, and is retired otherwise */
  const make = async (peerId: string, before: Promise<Made> | null): Promise<Made> => {
    const {
      caPem = null,
      clientCertPem = null,
      clientKeyPemSealed = null,
      certificateNotAfter = null,
    } = (await load(peerId)) ?? {};
    if (caPem === null || clientCertPem === null || clientKeyPemSealed === null) {
      throw new MosaicError('peer_unreachable', { detail: 'The enrollment of this peer is incomplete.' });
    }
    const of = `${caPem}\n${clientCertPem}`;
    const old = await before?.catch(() => null);
    if (old?.of === of) return old;
    const key = await sealer.open(clientKeyPemSealed, clientKeyIdentity(peerId));
    const connected = transport.connect({
      caPem,
      certPem: clientCertPem,
      keyPem: new TextDecoder().decode(key),
    });
    const client: PeerClient = {
      fetch: (url, init) => connected.fetch(url, init),
      close: () => connected.close(),
      ...(certificateNotAfter === null ? {} : { certificateNotAfter }),
    };
    // Calls in flight finish on the old certificate.
    if (before !== null) retire(before);
    return { of, client };
  };

  return {
    use: ({ id, cacheEpoch }) => {
      const known = held.get(id);
      if (known !== undefined && cacheEpoch <= known.epoch) return known.client;
      const before = known?.made ?? null;
      const made = make(id, before);
      const client = made.then((one) => one.client);
      const entry: Held = known ?? { epoch: cacheEpoch, made, client };
      Object.assign(entry, { epoch: cacheEpoch, made, client });
      if (known === undefined) held.set(id, entry);
      client.catch(() => {
        if (held.peek(id)?.made !== made) return;
        held.delete(id);
        if (before !== null) retire(before);
      });
      return client;
    },
    close: async (peerId) => {
      const known = held.peek(peerId);
      held.delete(peerId);
      if (known !== undefined) await closeQuietly(known.made);
    },
    closeAll: async () => {
      const all = [...[...held.values()].map(({ made }) => made), ...retiring.keys()];
      // After clearing, which retires what it clears.
      held.clear();
      for (const timer of retiring.values()) clearTimeout(timer);
      retiring.clear();
      await Promise.all(all.map(closeQuietly));
    },
  };
};
