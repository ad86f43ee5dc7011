import { decideNative, type Principal } from '../../../domain/access/decide.ts';
import { compareRows, type SourceName } from '../../../domain/blend/blend.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { isUsable } from '../../../domain/peers/peer.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import type { Resource, ResourceRow } from '../../../domain/resources.ts';
import type { OutboundDeps } from '../deps.ts';
import type { Mark } from '../cache/epochs.ts';
import { peerFailure, type PeerFailure } from '../client/failure.ts';
import type { Asking } from '../client/ask.ts';
import type { Consulting } from '../cache/consult.ts';
import { createSighting, type Sighting } from '../cache/sighting.ts';
import { getAtPeer, listAtPeer } from '../client/verbs.ts';
import { walk, type Walk } from '../client/walk.ts';
import { learnRevoked } from '../revocation/peer-epoch.ts';
import type { BlendPosition, SourceState } from './query-cursor.ts';

/** What a person may ask: the own store, one of the own peers, or everything. */
export type SourceSelector = 'local' | 'all' | `federated:${string}`;

/** One place rows come from. Only the own store's failures are exceptions; a peer's are values. */
export interface Source {
  readonly name: SourceName;
  /** Bound into cursors: `local`, or the peer's id. */
  readonly key: string;
  list(state: SourceState, position: BlendPosition | null, limit: number): Promise<Walk>;
  get(id: string): Promise<Result<ResourceRow | null, PeerFailure>>;
  /** null for the own store. */
  readonly peer: AskedPeer | null;
  /** Where its answer came from; null for the own store. */
  sighting(): Sighting | null;
  /** Something was learned since it answered, so that its answer must not be given: ask it again. */
  isOutdated(): boolean;
  /** Since when a failure holds. */
  failedAt(failure: PeerFailure): Date;
}

/** How a person asks. */
export interface Wish extends Asking {
  readonly isFresh: boolean;
  /** Nothing of the answers is stored. */
  readonly isUnstored?: true;
}

/** Whether a row of the source at `index` comes after the last row given. Equal rows of two sources are two rows. */
const isAfter = (row: ResourceRow, index: number, position: BlendPosition | null): boolean => {
  if (position === null) return true;
  const { createdAt, id } = position.at;
  const order = compareRows(row, {
    id,
    created_at: createdAt,
    updated_at: createdAt,
    owner_id: null,
    team_id: null,
  });
  return order === 0 ? index > position.source : order > 0;
};

/** The own store is always the first source, so that rows equal to the position were given already. */
const localSource = (deps: OutboundDeps, principal: Principal, resource: Resource): Source => ({
  name: 'local',
  key: 'local',
  peer: null,
  sighting: () => null,
  isOutdated: () => false,
  failedAt: () => deps.clock.now(),
  list: async (_state, position, limit) => {
    const page = await deps.storage.reader.list(
      decideNative.list(principal, { resource, limit, after: position?.at ?? null }),
    );
    if (!page.admitted) throw new MosaicError('internal');
    const { items, next } = page.value;
    return {
      ok: true,
      walked: {
        rows: items,
        more: next !== null,
        after: (taken) => ({ done: next === null && taken === items.length, upstream: null }),
      },
    };
  },
  get: async (id) => {
    const row = await deps.storage.reader.get(decideNative.get(principal, { resource, id }));
    if (!row.admitted) throw new MosaicError('internal');
    return ok(row.value);
  },
});

/** Why a peer is not asked at all, or null. What this process has learned counts before the database says so. */
export const whyUnusable = (peer: AskedPeer, { outbound }: Asking): PeerFailure | null => {
  const state = outbound.epochs.isRevoked(peer.id) ? 'revoked' : peer.state;
  return isUsable(state)
    ? null
    : peerFailure('peer_refused', {
        message: `The peer is ${state} at this gateway.`,
        ...(state === 'revoked' ? { peerCode: 'grant_revoked', revoked: true } : {}),
      });
};

/** Since when a peer fails: an open circuit remembers. */
export const failingSince = (
  peer: Pick<AskedPeer, 'id'>,
  { code }: PeerFailure,
  { outbound: { circuits, clock } }: Asking,
): Date => (code === 'peer_circuit_open' ? circuits.of(peer.id).since : null) ?? clock.now();

const peerSource = (peer: AskedPeer, index: number, resource: Resource, wish: Wish): Source => {
  const { epochs } = wish.outbound;
  // Each time it is asked it is asked as of then.
  let mark: Mark | null = null;
  let sighting = createSighting();
  const consulting = (): Consulting => {
    mark = mark === null ? epochs.mark(peer) : epochs.again(mark);
    sighting = createSighting();
    return { ...wish, mark, sighting };
  };
  const unusable = (): PeerFailure | null => whyUnusable(peer, wish);
  return {
    name: `federated:${peer.name}`,
    key: peer.id,
    peer,
    list: (state, position, limit) => {
      const failure = unusable();
      if (failure !== null) return Promise.resolve({ ok: false, failure });
      const context = consulting();
      return walk(
        (cursor, size) => listAtPeer(peer, resource, { cursor, limit: size }, context),
        state.upstream,
        limit,
        position === null ? null : (row) => isAfter(row, index, position),
      );
    },
    get: async (id) => {
      const failure = unusable();
      return failure === null ? getAtPeer(peer, resource, id, consulting()) : err(failure);
    },
    sighting: () => sighting,
    isOutdated: () =>
      epochs.isRevoked(peer.id) || (sighting.isCached && mark !== null && !epochs.isCurrent(mark)),
    failedAt: (failure) => failingSince(peer, failure, wish),
  };
};

const byName = (a: AskedPeer, b: AskedPeer): number => (a.name < b.name ? -1 : 1);

/** Who asks, and the own peers as the statement that let the person in has found them. */
export interface AskingPerson {
  readonly principal: Principal;
  readonly peers: readonly AskedPeer[];
}

/**
 * The peers a selector stands for, in a fixed order. They are looked up among the person's own and nowhere else, so
 * that no name or id reaches anyone else's (SPEC M3).
 * @throws MosaicError `peer_unknown`
 */
export const ownPeers = (
  deps: OutboundDeps,
  { peers }: AskingPerson,
  selector: Exclude<SourceSelector, 'local'>,
): readonly AskedPeer[] => {
  const own = peers.toSorted(byName);
  const { epochs } = deps.outbound;
  for (const { id, state } of own) {
    // Learned while the database could not be written: this process goes by it, the others have still to hear of it.
    if (state !== 'revoked' && epochs.isRevoked(id)) void learnRevoked(deps, { id }).catch(() => undefined);
  }
  if (selector === 'all') return own;
  const peer = own.find(({ name }) => selector === `federated:${name}`);
  if (peer === undefined) throw new MosaicError('peer_unknown');
  return [peer];
};

/** The sources a selector stands for, in a fixed order. @throws MosaicError `peer_unknown` */
export const sourcesFor = (
  deps: OutboundDeps,
  person: AskingPerson,
  resource: Resource,
  selector: SourceSelector,
  wish: Wish,
): readonly Source[] => {
  const local = localSource(deps, person.principal, resource);
  if (selector === 'local') return [local];
  const peers = ownPeers(deps, person, selector);
  const first = selector === 'all' ? [local] : [];
  return [...first, ...peers.map((peer, index) => peerSource(peer, first.length + index, resource, wish))];
};
