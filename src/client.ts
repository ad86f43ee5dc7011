import type { ErrorCode, Issue, Problem } from '../domain/errors.ts';

/** A gateway's answer that is no success, as RFC 9457 has it. */
export class ProblemError extends Error {
  readonly status: number;
  /** null: what answered was no gateway, but a proxy in between, say. */
  readonly problem: Problem | null;

  constructor(status: number, problem: Problem | null) {
    super(problem === null ? `HTTP ${status}, and no problem document` : (problem.detail ?? problem.title));
    this.name = 'ProblemError';
    this.status = status;
    this.problem = problem;
  }
}

export interface ClientOptions {
  /** Base address of the public API, for example `https://api.example.org`. */
  readonly url: string;
  /** `mos_…`; null for what needs none. */
  readonly token: string | null;
  /** The runtime's own when absent. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Longest time an answer may take. Default: 30 seconds. */
  readonly timeoutMs?: number;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

/**
 * The public API as docs/reference/api.md and `/openapi.json` tell of it. Paths begin with a slash. Every method throws ProblemError for
 * an answer that is no success, and what `fetch` throws where there is none.
 */
export interface MosaicClient {
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
  delete(path: string): Promise<void>;
  /** All items of a list, page after page. */
  list<T>(path: string, query?: Query): AsyncGenerator<T, void>;
}

const DEFAULT_TIMEOUT_MS = 30_000;

const problemOf = (text: string): Problem | null => {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && 'code' in value && 'title' in value
      ? (value as Problem)
      : null;
  } catch {
    return null;
  }
};

const withQuery = (path: string, query: Query): string => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
};

/** A client of one gateway for one person; no connection is kept in it. */
export const createClient = (options: ClientOptions): MosaicClient => {
  const { token, timeoutMs = DEFAULT_TIMEOUT_MS, fetch: send = (to, init) => fetch(to, init) } = options;
  const base = options.url.replace(/\/+$/, '');

  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await send(`${base}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A token goes to nobody else.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    if (!response.ok) throw new ProblemError(response.status, problemOf(text));
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };

  return {
    get: (path, query = {}) => ask('GET', withQuery(path, query)),
    post: (path, body) => ask('POST', path, body),
    put: (path, body) => ask('PUT', path, body),
    patch: (path, body) => ask('PATCH', path, body),
    delete: (path) => ask('DELETE', path),
    async *list<T>(path: string, query: Query = {}) {
      let cursor: string | null = null;
      do {
        const page: Page<T> = await ask('GET', withQuery(path, { ...query, cursor: cursor ?? undefined }));
        yield* page.items;
        cursor = page.next_cursor;
      } while (cursor !== null);
    },
  };
};

export type { ErrorCode, Issue, Problem };
