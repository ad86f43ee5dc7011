import { LRUCache } from 'lru-cache';
import { MosaicError } from '../../domain/errors.ts';
import type { Sealer } from '../../domain/ports/basics.ts';
import type { Peer } from '../../domain/ports/federation.ts';
import type { PeerClient, PeerTransport } from '../deps.ts';

/** Mutual-TLS clients, one per peer and certificate: the key is unsealed once, not once a request. */
export interface PeerClients {
  /** @throws MosaicError `peer_unreachable` when the peer's enrollment is incomplete, `internal` when its key does not open */
  use(peer: Peer): Promise<PeerClient>;
  /** Forgets a peer's client, whatever it was made of; its calls in flight finish. */
  close(peerId: string): Promise<void>;
  closeAll(): Promise<void>;
}

/** Identity a peer's private key is sealed under (ports/federation.ts). */
export const clientKeyIdentity = (peerId: string): string => `federation_peers/${peerId}/client_key_pem`;

/** Connections are cheap to make again, so what was not used for long goes first. */
const MAX_CLIENTS = 1_000;
/**
 * How long a client goes on after another took its place: whoever got it a moment ago may not have called yet, and its
 * certificate still is good (B gives it ten minutes).
 */
const RETIRE_MS = 10_000;

interface Held {
  /** What the client was made of; another value means the certificate was swapped. */
  readonly madeOf: string;
  readonly client: Promise<PeerClient>;
}

const closeQuietly = async (held: Held): Promise<void> => {
  // A client that never came to be has nothing to close, and one that fails to close is gone as well.
  await held.client.then((client) => client.close()).catch(() => undefined);
};

export const createPeerClients = (
  transport: PeerTransport,
  sealer: Sealer,
  retireMs = RETIRE_MS,
): PeerClients => {
  const retiring = new Map<Held, ReturnType<typeof setTimeout>>();
  const retire = (old: Held): void => {
    const end = (): void => {
      retiring.delete(old);
      void closeQuietly(old);
    };
    retiring.set(old, setTimeout(end, retireMs));
  };
  const held = new LRUCache<string, Held>({
    max: MAX_CLIENTS,
    // What is deleted on purpose is closed by whoever deletes it.
    dispose: (value, _peerId, reason) => {
      if (reason !== 'delete') retire(value);
    },
  });

  const open = async (peer: Peer): Promise<PeerClient> => {
    const { caPem, clientCertPem, clientKeyPemSealed } = peer;
    if (caPem === null || clientCertPem === null || clientKeyPemSealed === null) {
      throw new MosaicError('peer_unreachable', { detail: 'The enrollment of this peer is incomplete.' });
    }
    const key = await sealer.open(clientKeyPemSealed, clientKeyIdentity(peer.id));
    return transport.connect({ caPem, certPem: clientCertPem, keyPem: new TextDecoder().decode(key) });
  };

  return {
    use: (peer) => {
      const madeOf = `${peer.caPem}\n${peer.clientCertPem}`;
      const known = held.get(peer.id);
      if (known?.madeOf === madeOf) return known.client;
      const client = open(peer);
      const entry: Held = { madeOf, client };
      // Setting over an older entry retires it: its calls in flight finish on the old certificate.
      held.set(peer.id, entry);
      client.catch(() => {
        if (held.peek(peer.id) === entry) held.delete(peer.id);
      });
      return client;
    },
    close: async (peerId) => {
      const known = held.peek(peerId);
      held.delete(peerId);
      if (known !== undefined) await closeQuietly(known);
    },
    closeAll: async () => {
      const all = [...held.values(), ...retiring.keys()];
      // After clearing, which retires what it clears.
      held.clear();
      for (const timer of retiring.values()) clearTimeout(timer);
      retiring.clear();
      await Promise.all(all.map(closeQuietly));
    },
  };
};
