import type { Peer } from '../../domain/ports/federation.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Resource, ResourceRow } from '../../domain/resources.ts';
import type { Hit } from '../../domain/search/hit.ts';
import {
  readCapabilities,
  readItem,
  readPage,
  readSearchPage,
  type PeerCapabilities,
  type PeerPage,
} from './answers.ts';
import { callPeer } from './call.ts';
import { peerFailure, type PeerFailure } from './failure.ts';
import { maxHitBytes } from './hits.ts';
import type { Outbound } from './outbound.ts';
import { maxRowBytes } from './rows.ts';

/** On whose behalf, and how long, a peer is asked. */
export interface Asking {
  readonly outbound: Outbound;
  readonly traceparent: string;
  readonly signal: AbortSignal;
}

/** Longest list accepted. Fewer rows are asked for when an answer does not fit. */
const MAX_LIST_BYTES = 16 * 1024 * 1024;
const ENVELOPE_BYTES = 64 * 1024;

/** The peer answered, whatever it decided: these refusals say nothing bad about the peer or the grant. */
const ANSWERS = [
  'resource_excluded',
  'resource_not_granted',
  'not_found',
  'invalid_cursor',
  'invalid_request',
];

const ask = async <T>(
  peer: Peer,
  path: string,
  maxBytes: number,
  asking: Asking,
  read: (json: unknown) => T | null,
): Promise<Result<T, PeerFailure>> => {
  const { outbound, traceparent, signal } = asking;
  let result: Result<T, PeerFailure>;
  try {
    const client = await outbound.clients.use(peer);
    const url = `${peer.federationUrl}/federation/v1/${path}`;
    result = await callPeer({ client, url, traceparent, signal, maxBytes }, read);
  } catch (cause) {
    // Our own key does not open, or the enrollment is incomplete: nothing was sent.
    result = err(
      peerFailure('peer_unreachable', {
        message: 'The peer’s certificate and key can not be used here.',
        cause,
      }),
    );
  }
  // A call that was given up, because another peer had the answer, says nothing about this one.
  const isGivenUp = signal.aborted && (signal.reason as Error | undefined)?.name !== 'TimeoutError';
  if (result.ok) outbound.health.note(peer.id, null);
  else if (!isGivenUp) {
    const { peerCode, code } = result.error;
    outbound.health.note(
      peer.id,
      peerCode !== null && ANSWERS.includes(peerCode) ? null : (peerCode ?? code),
    );
  }
  return result;
};

/** One page of a peer's list, from the peer's own cursor on. */
export const listAtPeer = (
  peer: Peer,
  resource: Resource,
  page: { readonly cursor: string | null; readonly limit: number },
  asking: Asking,
): Promise<Result<PeerPage, PeerFailure>> => {
  const parameters = new URLSearchParams({ limit: String(page.limit) });
  if (page.cursor !== null) parameters.set('cursor', page.cursor);
  const maxBytes = Math.min(MAX_LIST_BYTES, ENVELOPE_BYTES + page.limit * maxRowBytes(resource));
  return ask(peer, `${resource}?${parameters}`, maxBytes, asking, readPage(resource, page.limit));
};

/** One page of what a peer finds. A search is never answered from anything kept: each call is a request (SPEC M5-2). */
export const searchAtPeer = (
  peer: Peer,
  asked: { readonly query: string; readonly resources: readonly Resource[] | null },
  page: { readonly cursor: string | null; readonly limit: number },
  asking: Asking,
): Promise<Result<PeerPage<Hit>, PeerFailure>> => {
  const parameters = new URLSearchParams({ q: asked.query, limit: String(page.limit) });
  if (asked.resources !== null) parameters.set('resources', asked.resources.join(','));
  if (page.cursor !== null) parameters.set('cursor', page.cursor);
  const maxBytes = Math.min(MAX_LIST_BYTES, ENVELOPE_BYTES + page.limit * maxHitBytes(asked.resources));
  const read = readSearchPage(asked.resources, page.limit);
  return ask(peer, `search?${parameters}`, maxBytes, asking, read);
};

/** One row of a peer, or null when the peer says that there is none to be seen. */
export const getAtPeer = async (
  peer: Peer,
  resource: Resource,
  id: string,
  asking: Asking,
): Promise<Result<ResourceRow | null, PeerFailure>> => {
  const path = `${resource}/${encodeURIComponent(id)}`;
  const found = await ask(peer, path, ENVELOPE_BYTES + maxRowBytes(resource), asking, readItem(resource, id));
  return !found.ok && found.error.code === 'peer_refused' && found.error.peerCode === 'not_found'
    ? ok(null)
    : found;
};

export const capabilitiesOfPeer = (
  peer: Peer,
  asking: Asking,
): Promise<Result<PeerCapabilities, PeerFailure>> =>
  ask(peer, 'capabilities', ENVELOPE_BYTES, asking, readCapabilities);
