import { toHex } from '../bytes.ts';
import type { Mac } from '../paging/cursor.ts';

/** RFC 8785 canonical JSON text of a value. Injected: the rules import nothing. */
export type Canonicalize = (value: unknown) => string;

const encoder = new TextEncoder();

/**
 * The keyed hash of a query: HMAC-SHA-256 over the RFC 8785 canonical form of its parameters, under a sealed
 * key of the grant (or the gateway's where no grant is known), so that a dictionary does not reveal the query.
 *
 * @returns 64 lower-case hexadecimal characters
 */
export const queryHash = (
  mac: Mac,
  canonicalize: Canonicalize,
  verb: string,
  parameters: Readonly<Record<string, string | number | boolean | null | readonly string[]>>,
): string => toHex(mac(encoder.encode(canonicalize({ verb, parameters }))));
