import { equalBytes, fromBase64Url, toBase64Url } from '../bytes.ts';

/** A place in a list ordered by `(created_at, id)` descending: the last row already given. */
export interface CursorPosition {
  /** RFC 3339 UTC with milliseconds, exactly as the row shows it. */
  readonly createdAt: string;
  readonly id: string;
}

/** Keyed MAC, 32 bytes out; the key belongs to the gateway. Injected so that the rules stay pure. */
export type Mac = (message: Uint8Array) => Uint8Array;

/** What a cursor is bound to. A cursor made for anything else is refused (ABUSE 43). */
export interface CursorBinding {
  /** Grant id at B, `user:<id>` for a native list. */
  readonly holder: string;
  readonly resource: string;
  /** Canonical text of the filters in force, so that a cursor does not outlive a scope change. */
  readonly filters: string;
}

export const CURSOR_TTL_SECONDS = 24 * 60 * 60;
const MAC_BYTES = 16;
const MAX_CURSOR_LENGTH = 512;
const POSITION = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)\|([0-9a-f-]{36})\|(\d{1,12})$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

const tag = (mac: Mac, binding: CursorBinding, payload: string): Uint8Array =>
  mac(
    encoder.encode(
      JSON.stringify(['mosaic-cursor-1', binding.holder, binding.resource, binding.filters, payload]),
    ),
  ).subarray(0, MAC_BYTES);

/** The end of every payload: when the cursor stops being good, in seconds since 1970. */
export const expiryOf = (now: Date): number => Math.floor(now.getTime() / 1000) + CURSOR_TTL_SECONDS;

/** An opaque text of a payload, authenticated together with what it is bound to. */
export const sealCursor = (mac: Mac, binding: CursorBinding, payload: string): string => {
  const body = encoder.encode(payload);
  const bytes = new Uint8Array(MAC_BYTES + body.length);
  bytes.set(tag(mac, binding, payload));
  bytes.set(body, MAC_BYTES);
  return toBase64Url(bytes);
};

/** The payload of a cursor, or null for one that is damaged or was made for anything else. */
export const openCursor = (mac: Mac, binding: CursorBinding, cursor: string): string | null => {
  const bytes = cursor.length > MAX_CURSOR_LENGTH ? null : fromBase64Url(cursor);
  if (bytes === null || bytes.length <= MAC_BYTES) return null;
  let payload: string;
  try {
    payload = decoder.decode(bytes.subarray(MAC_BYTES));
  } catch {
    return null;
  }
  return equalBytes(tag(mac, binding, payload), bytes.subarray(0, MAC_BYTES)) ? payload : null;
};

/** Makes an opaque, authenticated cursor that expires `CURSOR_TTL_SECONDS` after `now`. */
export const encodeCursor = (mac: Mac, binding: CursorBinding, position: CursorPosition, now: Date): string =>
  sealCursor(mac, binding, `${position.createdAt}|${position.id}|${expiryOf(now)}`);

/** Reads a cursor back, or null for one that is damaged, foreign or expired: the caller answers `invalid_cursor`. */
export const decodeCursor = (
  mac: Mac,
  binding: CursorBinding,
  cursor: string,
  now: Date,
): CursorPosition | null => {
  const match = POSITION.exec(openCursor(mac, binding, cursor) ?? '');
  if (match === null) return null;
  const [, createdAt, id, expires] = match;
  if (createdAt === undefined || id === undefined || Number(expires) * 1000 <= now.getTime()) return null;
  return { createdAt, id };
};
