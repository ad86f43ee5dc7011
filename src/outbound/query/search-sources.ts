import { decideNative, type Principal } from '../../../domain/access/decide.ts';
import type { SourceName } from '../../../domain/blend/blend.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import type { Resource } from '../../../domain/resources.ts';
import { withHighlights } from '../../../domain/search/highlight.ts';
import {
  compareHits,
  comparePositions,
  positionOf,
  type Hit,
  type HitPosition,
} from '../../../domain/search/hit.ts';
import type { OutboundDeps } from '../deps.ts';
import type { PeerFailure } from '../client/failure.ts';
import { searchAtPeer, type Asking } from '../client/verbs.ts';
import { walkInOrder, type Walk } from '../client/walk.ts';
import type { SourceState } from './query-cursor.ts';
import {
  failingSince,
  ownPeers,
  whyUnusable,
  type AskingPerson,
  type SourceSelector,
} from './query-sources.ts';

/** What is searched for. */
export interface Sought {
  readonly query: string;
  /** null: at each source all that may be searched there. */
  readonly resources: readonly Resource[] | null;
}

/** The last hit given, and the index of the source it came from. */
export interface HitPlace {
  readonly at: HitPosition;
  readonly source: number;
}

/** One place hits come from. Only the own store's failures are exceptions; a peer's are values. */
export interface SearchSource {
  readonly name: SourceName;
  /** Bound into cursors: `local`, or the peer's id. */
  readonly key: string;
  /** null for the own store. */
  readonly peer: AskedPeer | null;
  /** Since when a failure holds. */
  failedAt(failure: PeerFailure): Date;
  /** Learned since it answered, perhaps: what it found must not be given. */
  isRevoked(): boolean;
  search(state: SourceState, place: HitPlace | null, limit: number): Promise<Walk<Hit>>;
}

/** Whether a hit of the source at `index` comes after the last one given. Equal hits of two sources are two hits. */
const isHitAfter = (hit: Hit, index: number, place: HitPlace | null): boolean => {
  if (place === null) return true;
  const order = comparePositions(positionOf(hit), place.at);
  return order === 0 ? index > place.source : order > 0;
};

/** The own store is always the first source, so that hits equal to the position were given already. */
const localSource = (
  deps: OutboundDeps,
  principal: Principal,
  { query, resources }: Sought,
): SearchSource => ({
  name: 'local',
  key: 'local',
  peer: null,
  failedAt: () => deps.clock.now(),
  isRevoked: () => false,
  search: async (_state, place, limit) => {
    const page = await deps.storage.reader.search(
      decideNative.search(principal, { query, resources, limit, after: place?.at ?? null }),
    );
    if (!page.admitted) throw new MosaicError('internal');
    const { hits, next } = page.value;
    return {
      ok: true,
      walked: {
        rows: withHighlights(query, hits),
        more: next !== null,
        after: (taken) => ({ done: next === null && taken === hits.length, upstream: null }),
      },
    };
  },
});

const peerSource = (peer: AskedPeer, index: number, sought: Sought, asking: Asking): SearchSource => ({
  name: `federated:${peer.name}`,
  key: peer.id,
  peer,
  failedAt: (failure) => failingSince(peer, failure, asking),
  isRevoked: () => asking.outbound.epochs.isRevoked(peer.id),
  search: async (state, place, limit) => {
    const failure = whyUnusable(peer, asking);
    if (failure !== null) return { ok: false, failure };
    return walkInOrder(
      (cursor, size) => searchAtPeer(peer, sought, { cursor, limit: size }, asking),
      state.upstream,
      limit,
      place === null ? null : (hit) => isHitAfter(hit, index, place),
      compareHits,
    );
  },
});

/**
 * The sources a selector stands for, in the order of a list's. Peers are looked up among the person's own only.
 * @throws MosaicError `peer_unknown`
 */
export const searchSourcesFor = (
  deps: OutboundDeps,
  person: AskingPerson,
  sought: Sought,
  selector: SourceSelector,
  asking: Asking,
): readonly SearchSource[] => {
  const local = localSource(deps, person.principal, sought);
  if (selector === 'local') return [local];
  const peers = ownPeers(deps, person, selector);
  const first = selector === 'all' ? [local] : [];
  return [...first, ...peers.map((peer, index) => peerSource(peer, first.length + index, sought, asking))];
};
