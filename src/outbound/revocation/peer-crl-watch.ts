import { isUsable } from '../../../domain/peers/peer.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { PeerTrust } from '../../../domain/ports/revocation.ts';
import type { PageRequest } from '../../../domain/ports/page.ts';
import type { OutboundDeps } from '../deps.ts';
import { isNotOlder, listSourceOf, ownSerial, readList, type ListSource } from './peer-crl.ts';
import { becomeRevoked } from './peer-revoked.ts';

const PEERS_A_PAGE = 200;
/** Gateways asked at once: one that hangs costs its own turn, and no other's. */
const AT_ONCE = 32;

type Seen = Pick<PeerTrust, 'crlUrl' | 'crlSigner' | 'crlNumber'>;

interface Watched {
  readonly peer: Peer;
  readonly seen: Seen;
}

const NOTHING_SEEN: Seen = { crlUrl: null, crlSigner: null, crlNumber: null };

interface Group {
  readonly source: ListSource;
  readonly peers: Watched[];
}

/** The usable peers we ask, together with those that have the same list: one person's peer is another one's, too. */
const groupsOf = async (deps: OutboundDeps): Promise<readonly Group[]> => {
  const { peers, peerTrust } = deps.storage.stores;
  const groups = new Map<string, Group>();
  const put = (peer: Peer, seen: Seen): void => {
    const source = listSourceOf(peer, seen);
    if (source === null) return;
    const group = groups.get(source.key) ?? { source, peers: [] };
    group.peers.push({ peer, seen });
    groups.set(source.key, group);
  };
  let after: PageRequest['after'] = null;
  do {
    const page = await peers.list({ limit: PEERS_A_PAGE, after }, { direction: 'outbound' });
    const usable = page.items.filter(({ state }) => isUsable(state));
    const trusts = await peerTrust.ofPeers(usable.map(({ id }) => id));
    for (const peer of usable) put(peer, trusts.get(peer.id) ?? NOTHING_SEEN);
    after = page.next;
  } while (after !== null);
  return [...groups.values()];
};

const judge = async (
  deps: OutboundDeps,
  { source, peers }: Group,
  stopping: AbortSignal,
): Promise<string | null> => {
  const list = await readList(deps, source, stopping);
  if (!list.ok) return list.error;
  let fault: string | null = null;
  // One pass for all: a list may have as many entries as there are people who ask this gateway.
  const revoked = list.value.revokedAmong(peers.map(({ peer }) => ownSerial(peer) ?? ''));
  for (const { peer, seen } of peers) {
    if (!(await isNotOlder(deps, peer.id, source, list.value, seen))) fault = 'older';
    // Read again: the certificate may have been renewed since, and then the old one’s revocation says nothing.
    else if (revoked.has(ownSerial(peer) ?? '')) {
      const now = await deps.storage.stores.peers.byId(peer.id);
      if (now !== null && now.clientCertPem === peer.clientCertPem) await becomeRevoked(deps, now, 'list');
    }
  }
  return fault;
};

export interface ListRounds {
  /** Reads every list once, but those that are still being read. Never throws. */
  round(): Promise<void>;
}

/**
 * Reads the revocation lists of all gateways that we ask: so that a revocation is learned of within a minute (SPEC M5-3, M6-7)
 * although everything asked for is in the cache, or nobody asks at all. Each replica does so for itself: it then owes
 * nothing to another one that may have died a moment ago.
 */
export const createListRounds = (
  deps: OutboundDeps,
  stopping: AbortSignal = new AbortController().signal,
): ListRounds => {
  const reading = new Set<string>();
  /** What is wrong with a list is told when it begins. */
  const faulty = new Map<string, string>();

  const note = ({ source, peers }: Group, fault: string | null, error?: Error): void => {
    if (fault === null) faulty.delete(source.key);
    else if (faulty.get(source.key) !== fault) {
      faulty.set(source.key, fault);
      deps.log.warn('the revocation list of a peer could not be used', {
        peer_id: peers[0]?.peer.id,
        peers: peers.length,
        fault,
        error,
      });
    }
  };

  const readOne = async (group: Group): Promise<void> => {
    const { key } = group.source;
    if (reading.has(key)) return;
    reading.add(key);
    try {
      note(group, await judge(deps, group, stopping));
    } catch (error) {
      if (!stopping.aborted) note(group, 'unreachable', error as Error);
    } finally {
      reading.delete(key);
    }
  };

  return {
    round: async () => {
      try {
        const groups = await groupsOf(deps);
        const keys = new Set(groups.map(({ source }) => source.key));
        for (const key of faulty.keys()) if (!keys.has(key)) faulty.delete(key);
        const waiting = [...groups];
        const work = async (): Promise<void> => {
          for (let group = waiting.shift(); group !== undefined && !stopping.aborted; group = waiting.shift())
            await readOne(group);
        };
        await Promise.all(Array.from({ length: AT_ONCE }, work));
      } catch (error) {
        deps.log.warn('the revocation lists of peers were not read', { error: error as Error });
      }
    },
  };
};

/** A round every `pollMs`, counted from its start: a list that takes long is not waited for. Stopping ends what is under way. */
export const startListWatch = (deps: OutboundDeps, pollMs: number): { stop(): Promise<void> } => {
  const stopping = new AbortController();
  const rounds = createListRounds(deps, stopping.signal);
  const running = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const round = rounds.round().finally(() => running.delete(round));
    running.add(round);
  }, pollMs);
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await Promise.all(running);
    },
  };
};
