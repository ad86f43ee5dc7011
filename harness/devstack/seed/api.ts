import type { Fetch } from '../stack/trusting-fetch.ts';

/** A gateway's public API with one token; null for none. */
export interface Caller {
  readonly fetch: Fetch;
  readonly baseUrl: string;
  readonly token: string | null;
}

/** What seeding reads of an answer. */
export interface Answer {
  readonly id: string;
  readonly text: string;
  readonly token: { readonly text: string };
  readonly grant: { readonly id: string };
  readonly enrollment: { readonly url: string };
}

/** A gateway that answered something else than was asked for. */
export class RefusedError extends Error {
  readonly status: number;

  constructor(what: string, status: number, text: string) {
    super(`${what} answered ${status}: ${text}`);
    this.name = 'RefusedError';
    this.status = status;
  }
}

/** Sends a body and expects success. @throws RefusedError otherwise */
export const send = async (
  { fetch, baseUrl, token }: Caller,
  path: string,
  body: unknown,
  method: 'POST' | 'PUT' = 'POST',
): Promise<Answer> => {
  const response = await fetch(`${baseUrl}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new RefusedError(`${method} ${path}`, response.status, text);
  return JSON.parse(text) as Answer;
};
