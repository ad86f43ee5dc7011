import type { Peer } from '../../../domain/ports/peers.ts';
import type { Result } from '../../../domain/result.ts';
import { isUuid } from '../../../domain/uuid.ts';
import { ask, type Asking } from '../client/ask.ts';
import type { PeerFailure } from '../client/failure.ts';
import { watched } from '../client/watched.ts';

/** What a peer says of a place in its audit log, not yet believed. */
export interface ClaimedPlace {
  readonly writerId: string;
  readonly seq: number;
  readonly state: 'entry' | 'dropped' | 'missing';
  readonly head: string | null;
  readonly isConsistent: boolean | null;
  readonly hasLostTail: boolean;
}

export interface ClaimedPlaces {
  readonly key: string;
  readonly places: readonly ClaimedPlace[];
}

const MAX_BYTES = 64 * 1024;
const HEAD = /^[0-9a-f]{64}$/;
const KEY = /^[A-Za-z0-9_-]{1,200}$/;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const readPlace = (value: unknown): ClaimedPlace | null => {
  if (!isObject(value)) return null;
  const { writer_id: writerId, seq, state, head, consistent, lost_tail: hasLostTail } = value;
  if (!isUuid(writerId) || typeof seq !== 'number' || !Number.isSafeInteger(seq)) return null;
  if (state !== 'entry' && state !== 'dropped' && state !== 'missing') return null;
  if (head !== null && (typeof head !== 'string' || !HEAD.test(head))) return null;
  if (consistent !== null && typeof consistent !== 'boolean') return null;
  if (typeof hasLostTail !== 'boolean') return null;
  return { writerId, seq, state, head, isConsistent: consistent, hasLostTail };
};

const readPlaces =
  (asked: number) =>
  (json: unknown): ClaimedPlaces | null => {
    if (!isObject(json) || !Array.isArray(json['places']) || json['places'].length !== asked) return null;
    const { key } = json;
    if (typeof key !== 'string' || !KEY.test(key)) return null;
    const places = json['places'].map(readPlace).filter((place) => place !== null);
    return places.length === asked ? { key, places } : null;
  };

/** Asks a peer what its audit log says now about places it has told of before. */
export const auditPlacesAtPeer = async (
  peer: Peer,
  asked: readonly { readonly writerId: string; readonly seq: number }[],
  asking: Asking,
): Promise<Result<ClaimedPlaces, PeerFailure>> => {
  const at = asked.map(({ writerId, seq }) => `${writerId}.${seq}`).join(',');
  const path = `audit/checkpoint?at=${at}`;
  const question = { path, maxBytes: MAX_BYTES, read: readPlaces(asked.length) };
  return watched(asking.watch, [peer, 'checkpoint', null], async (call) => {
    const own = call === undefined ? asking : { ...asking, traceparent: call.traceparent };
    return (await ask(peer, question, own)).result;
  });
};
