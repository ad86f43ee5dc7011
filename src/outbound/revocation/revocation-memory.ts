import { LRUCache } from 'lru-cache';
import type { Log } from '../../../domain/ports/basics.ts';
import type { PeerTrustStore } from '../../../domain/ports/revocation.ts';
import { epochOf, isEpochProof, readPublicJwk } from '../../protocol/statement.ts';
import type { PublicJwk } from '../../app/deps.ts';

/**
 * The highest revocation epoch each serving gateway has published, shown to it on every request: a gateway whose
 * database was put back to an earlier state finds out from those it serves.
 */
export interface RevocationMemory {
  /** What to show a peer; null when nothing is remembered. Not a promise once it is at hand. */
  tokenFor(peerId: string): string | null | Promise<string | null>;
  /** What an answer of the peer carried. Kept when it is higher; never holds up the answer. */
  note(peerId: string, token: string | null): void;
}

interface Entry {
  token: string | null;
  epoch: number;
  /** The peer's key; null for an enrollment older than these: then its TLS certificate alone vouches for the token. */
  readonly key: PublicJwk | null;
}

const MAX_PEERS = 10_000;

const parseKey = (text: string | null): PublicJwk | null =>
  text === null ? null : readPublicJwk(JSON.parse(text));

export const createRevocationMemory = (store: PeerTrustStore, log: Log): RevocationMemory => {
  const entries = new LRUCache<string, Entry>({ max: MAX_PEERS });
  const loading = new Map<string, Promise<Entry>>();

  const read = async (peerId: string): Promise<Entry> => {
    const { epochToken, signingKey } = await store.get(peerId);
    const entry: Entry = {
      token: epochToken,
      epoch: epochToken === null ? 0 : (epochOf(epochToken) ?? 0),
      key: parseKey(signingKey),
    };
    entries.set(peerId, entry);
    return entry;
  };
  const load = (peerId: string): Promise<Entry> => {
    const running = loading.get(peerId);
    if (running !== undefined) return running;
    const started = read(peerId).finally(() => loading.delete(peerId));
    loading.set(peerId, started);
    return started;
  };

  const keep = async (peerId: string, entry: Entry, token: string, epoch: number): Promise<void> => {
    if (entry.key !== null && !(await isEpochProof(entry.key, token))) return;
    if (epoch <= entry.epoch) return;
    entry.token = token;
    entry.epoch = epoch;
    await store.rememberEpoch(peerId, epoch, token);
  };

  return {
    tokenFor: (peerId) => {
      const known = entries.get(peerId);
      return known === undefined ? load(peerId).then(({ token }) => token) : known.token;
    },
    note: (peerId, token) => {
      const entry = entries.get(peerId);
      if (token === null || entry === undefined || token === entry.token) return;
      const epoch = epochOf(token);
      if (epoch === null || epoch <= entry.epoch) return;
      keep(peerId, entry, token, epoch).catch((error: unknown) => {
        log.warn('a peer’s revocation epoch was not kept', { peer_id: peerId, error: error as Error });
      });
    },
  };
};
