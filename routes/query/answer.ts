import type { Context } from 'hono';
import type { Answer } from '../../src/outbound/query/query.ts';
import { TRACE_ID_HEADER } from '../middleware/request-log.ts';
import { answerIdOf, SECURITY_HEADERS, type AppEnv } from '../http/http.ts';
import { sendWork } from '../middleware/work.ts';

const HEADERS = { ...SECURITY_HEADERS, 'content-type': 'application/json' };
/** With the trace id by which the request is found in the log. */
const headersOf = (c: Context<AppEnv>): Readonly<Record<string, string>> => ({
  ...HEADERS,
  [TRACE_ID_HEADER]: answerIdOf(c),
});

const encoder = new TextEncoder();
const START = encoder.encode('{"items":');

/** The items as JSON. Of a kept answer they are written once and stay with it. */
const itemsOf = ({ page, kept }: Answer): Uint8Array => {
  if (kept === null) return encoder.encode(JSON.stringify(page.items));
  const { source, forms } = kept;
  if (forms.rows?.source === source) return forms.rows.bytes;
  const bytes = encoder.encode(JSON.stringify(page.items));
  forms.rows = { source, bytes };
  return bytes;
};

/**
 * A page as JSON, put together from the text of its items and the rest. Where it came from stands in the header; nobody behind
 * this gateway keeps it. A bare Response with plain headers: runtimes have a short way for it.
 */
export const answerQuery = (c: Context<AppEnv>, answer: Answer): Response => {
  const { next_cursor, sources, notices } = answer.page;
  const items = itemsOf(answer);
  const end = encoder.encode(`,${JSON.stringify({ next_cursor, sources, notices }).slice(1)}`);
  const body = new Uint8Array(START.length + items.length + end.length);
  body.set(START);
  body.set(items, START.length);
  body.set(end, START.length + items.length);
  sendWork(c, c.get('work'), body.byteLength);
  const { cacheStatus } = answer;
  const own = headersOf(c);
  const headers = cacheStatus === null ? own : { ...own, 'cache-status': cacheStatus };
  return new Response(body, { status: 200, headers });
};

/** Any other answer of these routes. */
export const answerJson = (c: Context<AppEnv>, value: unknown): Response => {
  const body = encoder.encode(JSON.stringify(value));
  sendWork(c, c.get('work'), body.byteLength);
  return new Response(body, { status: 200, headers: headersOf(c) });
};
