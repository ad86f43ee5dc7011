import { maxRowBytes } from '../../../domain/paging/page-bytes.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import type { Resource, ResourceRow } from '../../../domain/resources.ts';
import type { Hit } from '../../../domain/search/hit.ts';
import {
  readCapabilities,
  readItem,
  readPage,
  readSearchPage,
  type PeerCapabilities,
  type PeerPage,
} from './answers.ts';
import { ask, type Asking } from './ask.ts';
import { consult, REVOKED, type Consulting } from '../cache/consult.ts';
import type { PeerFailure } from './failure.ts';
import { maxHitBytes } from './hits.ts';
import { watched, type WatchedCall } from './watched.ts';

export type { Asking } from './ask.ts';

/**
 * Longest answer accepted, read in some 30 ms. A gateway of this version answers with less than half of it; of another one fewer
 * rows are asked for when an answer does not fit.
 */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
const ENVELOPE_BYTES = 64 * 1024;

/** The same, under the span of the call, which hears of it when the cache had the answer. */
const within = (consulting: Consulting, call: WatchedCall | undefined): Consulting => {
  if (call === undefined) return consulting;
  const { sighting } = consulting;
  return {
    ...consulting,
    traceparent: call.traceparent,
    sighting: {
      hit: (kept) => {
        call.isCached = true;
        sighting.hit(kept);
      },
      miss: (asOf, how) => sighting.miss(asOf, how),
    },
  };
};

const under = (asking: Asking, call: WatchedCall | undefined): Asking =>
  call === undefined ? asking : { ...asking, traceparent: call.traceparent };

/** One page of a peer's list, from the peer's own cursor on. */
export const listAtPeer = (
  peer: AskedPeer,
  resource: Resource,
  page: { readonly cursor: string | null; readonly limit: number },
  consulting: Consulting,
): Promise<Result<PeerPage, PeerFailure>> => {
  const parameters = new URLSearchParams({ limit: String(page.limit) });
  if (page.cursor !== null) parameters.set('cursor', page.cursor);
  const question = {
    path: `${resource}?${parameters}`,
    maxBytes: Math.min(MAX_LIST_BYTES, ENVELOPE_BYTES + page.limit * maxRowBytes(resource)),
    read: readPage(resource, page.limit),
    write: ({ rows, next }: PeerPage) => ({ items: rows, next_cursor: next }),
  };
  return watched(consulting.watch, [peer, 'list', resource], (call) =>
    consult(peer, question, within(consulting, call)),
  );
};

/** One page of what a peer finds. A search is never answered from anything kept: each call is a request (SPEC M5-2). */
export const searchAtPeer = async (
  peer: AskedPeer,
  asked: { readonly query: string; readonly resources: readonly Resource[] | null },
  page: { readonly cursor: string | null; readonly limit: number },
  asking: Asking,
): Promise<Result<PeerPage<Hit>, PeerFailure>> => {
  const parameters = new URLSearchParams({ q: asked.query, limit: String(page.limit) });
  if (asked.resources !== null) parameters.set('resources', asked.resources.join(','));
  if (page.cursor !== null) parameters.set('cursor', page.cursor);
  const maxBytes = Math.min(MAX_LIST_BYTES, ENVELOPE_BYTES + page.limit * maxHitBytes(asked.resources));
  const read = readSearchPage(asked.resources, page.limit);
  const only = asked.resources?.length === 1 ? (asked.resources[0] ?? null) : null;
  return watched(asking.watch, [peer, 'search', only], async (call) => {
    const question = { path: `search?${parameters}`, maxBytes, read };
    const { result } = await ask(peer, question, under(asking, call));
    // What was learned while it was under way counts.
    return asking.outbound.epochs.isRevoked(peer.id) ? err(REVOKED) : result;
  });
};

/** One row of a peer, or null when the peer says that there is none to be seen. */
export const getAtPeer = async (
  peer: AskedPeer,
  resource: Resource,
  id: string,
  consulting: Consulting,
): Promise<Result<ResourceRow | null, PeerFailure>> => {
  const question = {
    path: `${resource}/${encodeURIComponent(id)}`,
    maxBytes: ENVELOPE_BYTES + maxRowBytes(resource),
    read: readItem(resource, id),
    write: (item: ResourceRow) => ({ item }),
  };
  const found = await watched(consulting.watch, [peer, 'get', resource], (call) =>
    consult<ResourceRow>(peer, question, within(consulting, call)),
  );
  return !found.ok && found.error.code === 'peer_refused' && found.error.peerCode === 'not_found'
    ? ok(null)
    : found;
};

/** Never from the cache. */
export const capabilitiesOfPeer = async (
  peer: AskedPeer,
  asking: Asking,
): Promise<Result<PeerCapabilities, PeerFailure>> =>
  watched(asking.watch, [peer, 'capabilities', null], async (call) => {
    const question = { path: 'capabilities', maxBytes: ENVELOPE_BYTES, read: readCapabilities };
    return (await ask(peer, question, under(asking, call))).result;
  });
