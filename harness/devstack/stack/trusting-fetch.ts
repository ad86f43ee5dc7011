import { Agent, fetch as undiciFetch } from 'undici';

export type Fetch = typeof globalThis.fetch;

/**
 * `fetch` that trusts one root certificate and nothing else. Every request has a connection of its own: the front closes
 * others when it reloads, and a request must not meet that. Hence no HTTP/2 either, which would share one connection.
 */
export const trustingFetch = (rootPem: string): Fetch => {
  const dispatcher = new Agent({ connect: { ca: rootPem }, pipelining: 0, allowH2: false });
  return async (url, init) =>
    (await undiciFetch(url as string, { ...(init as object), dispatcher })) as unknown as Response;
};
