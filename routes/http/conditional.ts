import type { Context, MiddlewareHandler } from 'hono';
import type { Deps } from '../../src/app/deps.ts';
import { createEarlyLimit } from '../../src/kernel/early-limit.ts';
import { addressFromEnvironment } from './client-address.ts';
import type { AppEnv } from './http.ts';
import { guard } from '../openapi/describe.ts';

/** Requests of one address for what anybody may read: a browser needs three, a peer one a poll. */
const PAGES = { capacity: 100, refillPerSecond: 10 } as const;

/** Before answers that anybody may have, and that nobody needs often. @throws MosaicError `rate_limited` */
export const limitPages = (deps: Pick<Deps, 'clock'>): MiddlewareHandler<AppEnv> => {
  const limit = createEarlyLimit(deps, PAGES);
  return guard<MiddlewareHandler<AppEnv>>(
    async (c, next) => {
      limit(addressFromEnvironment(c));
      await next();
    },
    ['rate_limited'],
  );
};

/** An answer that is the same for everybody, and that whoever has it need not be sent again. */
export interface Cacheable {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** Names this very text, without quotes. */
  readonly tag: string;
  readonly maxAgeSeconds: number;
}

export const NOT_MODIFIED = {
  status: 304,
  description: 'The client has it already (`If-None-Match`).',
} as const;

/** RFC 9110 section 13.1.2: whether the client has it already. Compared weakly, as is due for GET. */
const hasIt = (header: string | undefined, tag: string): boolean =>
  header !== undefined &&
  header.split(',').some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === `"${tag}"`);

/** 200 with `ETag` and `Cache-Control`, or 304 without a body for a client whose `If-None-Match` names it. */
export const answerCacheable = (
  c: Context<AppEnv>,
  { body, contentType, tag, maxAgeSeconds }: Cacheable,
): Response => {
  c.header('cache-control', `public, max-age=${Math.max(0, Math.floor(maxAgeSeconds))}`);
  c.header('etag', `"${tag}"`);
  if (hasIt(c.req.header('if-none-match'), tag)) return c.body(null, 304);
  return c.body(body, 200, { 'content-type': contentType });
};
