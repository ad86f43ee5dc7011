/*
 * How much a request may hold, by its address. The one table: the gateway goes by it, and the files of its front are made from
 * it, so that what the gateway takes passes the front, and what it does not take costs it nothing.
 */

const KIB = 1024;

export interface BodyLimit {
  /** Addresses that begin so. */
  readonly path: string;
  /** Longest body in bytes. */
  readonly bytes: number;
  /** Most brackets, colons and commas of its JSON (domain/json.ts). */
  readonly parts: number;
  readonly why: string;
}

/** For every address that is not in the table: enrollment, setup, and all that an administrator writes. */
export const DEFAULT_BODY_LIMIT: Omit<BodyLimit, 'path'> = {
  bytes: 32 * KIB,
  parts: 2_048,
  why: 'a token and a certificate request of 8 KiB as PEM fit twice',
};

/** Addresses with larger bodies. No path of them begins with another one. */
export const BODY_LIMITS: readonly BodyLimit[] = [
  {
    path: '/api/resources/',
    bytes: 1_024 * KIB,
    parts: 2_048,
    why: 'the largest field has 100,000 characters, in JSON and UTF-8 a few times that',
  },
  {
    path: '/api/admin/grants',
    bytes: 256 * KIB,
    parts: 16_384,
    why: 'a scope names up to 1,000 teams for each resource',
  },
];

export const bodyLimitOf = (path: string): Omit<BodyLimit, 'path'> =>
  BODY_LIMITS.find((limit) => path.startsWith(limit.path)) ?? DEFAULT_BODY_LIMIT;

/** Lists and objects within each other, in a request. */
export const MAX_JSON_DEPTH = 32;

/** Most members of one object in a request: what has more names something that no schema knows. */
export const MAX_JSON_MEMBERS = 128;
