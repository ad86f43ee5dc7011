import { equalBytes, fromBase64Url, toBase64Url } from '../../../domain/bytes.ts';
import { CURSOR_TTL_SECONDS, type CursorPosition, type Mac } from '../../../domain/paging/cursor.ts';
import { isResource, type Resource } from '../../../domain/resources.ts';
import { isUuid } from '../../../domain/uuid.ts';

/**
 * Where a blended list goes on. It holds positions and the peers' own cursors, nothing of any row: one position
 * for all sources, because the merge gives rows in one order, and per source where to ask from.
 */
export interface BlendState {
  /** The last row given, and the index of the source it came from; null before the first. */
  readonly position: BlendPosition | null;
  /** In the order of the sources the cursor is bound to. */
  readonly sources: readonly SourceState[];
}

export interface BlendPosition {
  readonly at: CursorPosition;
  readonly source: number;
  /** What stands before the time in the order of a search. */
  readonly hit?: { readonly rank: number; readonly resource: Resource };
}

export interface SourceState {
  /** Everything of it was given. */
  readonly done: boolean;
  /** The peer's own cursor, or null for the start of its list. */
  readonly upstream: string | null;
}

/** What a cursor is made for; anything else refuses it (ABUSE 43). */
export interface BlendBinding {
  readonly userId: string;
  readonly resource: string;
  /** Ids of the peers, `local` for the own store, in order. */
  readonly sources: readonly string[];
}

/** Fits into an address of 8192 characters together with the rest of it. */
export const MAX_CURSOR_LENGTH = 7_000;
const TAG_BYTES = 16;
const UPSTREAM = /^[\u0021-\u007e]{1,512}$/;

const encoder = new TextEncoder();

const tagOf = (mac: Mac, binding: BlendBinding, payload: string): Uint8Array => {
  const { userId, resource, sources } = binding;
  const text = JSON.stringify(['mosaic-blend-1', userId, resource, sources, payload]);
  return mac(encoder.encode(text)).subarray(0, TAG_BYTES);
};

type PackedPosition = readonly [
  createdAt: string,
  id: string,
  source: number,
  ...hit: readonly [rank: number, resource: string] | readonly [],
];

/** [expires, position or 0, sources]: a source is 0 when done, 1 at its start, otherwise its cursor. */
type Payload = readonly [number, PackedPosition | 0, readonly (0 | 1 | string)[]];

const packedPosition = ({ at, source, hit }: BlendPosition): PackedPosition =>
  hit === undefined ? [at.createdAt, at.id, source] : [at.createdAt, at.id, source, hit.rank, hit.resource];

const packed = (state: BlendState, expires: number): Payload => [
  expires,
  state.position === null ? 0 : packedPosition(state.position),
  state.sources.map(({ done, upstream }) => (done ? 0 : (upstream ?? 1))),
];

const readSource = (value: unknown): SourceState | null => {
  if (value === 0) return { done: true, upstream: null };
  if (value === 1) return { done: false, upstream: null };
  return typeof value === 'string' && UPSTREAM.test(value) ? { done: false, upstream: value } : null;
};

const readPosition = (value: unknown, sources: number): BlendPosition | null | undefined => {
  if (value === 0) return null;
  const [createdAt, id, source, rank, resource] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof createdAt !== 'string' || !isUuid(id) || typeof source !== 'number') return undefined;
  if (source < 0 || source >= sources) return undefined;
  const place = { at: { createdAt, id }, source };
  if (rank === undefined) return place;
  return typeof rank === 'number' && isResource(resource) ? { ...place, hit: { rank, resource } } : undefined;
};

/** Makes a cursor that expires `CURSOR_TTL_SECONDS` after `now`. */
export const encodeBlendCursor = (mac: Mac, binding: BlendBinding, state: BlendState, now: Date): string => {
  const expires = Math.floor(now.getTime() / 1000) + CURSOR_TTL_SECONDS;
  const payload = JSON.stringify(packed(state, expires));
  const body = encoder.encode(payload);
  const bytes = new Uint8Array(TAG_BYTES + body.length);
  bytes.set(tagOf(mac, binding, payload));
  bytes.set(body, TAG_BYTES);
  return toBase64Url(bytes);
};

/** Reads a cursor back, or null for one that is damaged, foreign or expired: the caller answers `invalid_cursor`. */
export const decodeBlendCursor = (
  mac: Mac,
  binding: BlendBinding,
  cursor: string,
  now: Date,
): BlendState | null => {
  const bytes = cursor.length > MAX_CURSOR_LENGTH ? null : fromBase64Url(cursor);
  if (bytes === null || bytes.length <= TAG_BYTES) return null;
  const payload = new TextDecoder().decode(bytes.subarray(TAG_BYTES));
  if (!equalBytes(tagOf(mac, binding, payload), bytes.subarray(0, TAG_BYTES))) return null;
  // Authentic from here on; what follows guards against a cursor of another version of this program.
  const [expires, positionPart, sourcesPart] = JSON.parse(payload) as unknown[];
  if (typeof expires !== 'number' || expires * 1000 <= now.getTime() || !Array.isArray(sourcesPart))
    return null;
  const sources = sourcesPart.map(readSource).filter((source) => source !== null);
  const position = readPosition(positionPart, binding.sources.length);
  return position === undefined || sources.length !== binding.sources.length ? null : { position, sources };
};
