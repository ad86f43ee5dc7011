import type { z } from 'zod';
import { serverCertificateFault } from '../../../domain/peers/certificate-verdict.ts';
import { parseJson } from '../../../domain/json.ts';
import { readBody } from './body.ts';
import type { Connection } from './connection.ts';
import { CliError, EXIT, usageError, type CliProblem } from '../shell/exit.ts';
import { problemOf } from '../shell/problem.ts';

/** Of any answer of a gateway there is; what `--url` names may be something else. */
const ANSWER_BOUNDS = { depth: 32, parts: 1_048_576 } as const;

export type Query = Readonly<Record<string, string | number | undefined>>;

/** The gateway's API. Every method throws `CliError`: unreachable, refused, or an answer that does not fit. */
export interface Api {
  get<T extends z.ZodType>(path: string, answer: T, query?: Query): Promise<z.output<T>>;
  post<T extends z.ZodType>(path: string, body: unknown, answer: T): Promise<z.output<T>>;
  put<T extends z.ZodType>(path: string, body: unknown, answer: T): Promise<z.output<T>>;
  patch<T extends z.ZodType>(path: string, body: unknown, answer: T): Promise<z.output<T>>;
  delete<T extends z.ZodType>(path: string, answer: T): Promise<z.output<T>>;
  /** An answer that is text of any length, handed on as it comes. A break in the middle throws. */
  stream(path: string, query: Query, write: (text: string) => void): Promise<void>;
}

/** One path segment from a person. `..` would be resolved away by the URL parser and hit another route. */
export const segment = (value: string): string => {
  if (value === '' || value === '.' || value === '..') throw usageError(`"${value}" is not an id or name.`);
  return encodeURIComponent(value);
};

const queryText = (query: Query): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
};

// `fetch failed` says nothing; the reason is one or two causes below (AggregateError for several addresses).
const reasonOf = (error: unknown): string => {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.name === 'TimeoutError') return 'no answer in time';
    const code = (at as NodeJS.ErrnoException).code;
    if (typeof code === 'string') return code;
  }
  return 'connection failed';
};

/** Of a gateway's server certificate that is out of time; null for anything else. */
const outOfTime = (connection: Connection, reason: string): CliProblem | null => {
  const fault = serverCertificateFault(reason);
  if (fault === null) return null;
  const isOver = fault === 'server_certificate_expired';
  return {
    code: 'unreachable',
    title: `By this machine’s clock the certificate of ${connection.url} ${isOver ? 'has expired' : 'is not valid yet'}.`,
    detail: reason,
    remedy: isOver
      ? 'Compare the clock of this machine with the gateway’s; when they agree, renew the certificate of its front.'
      : 'Compare the clock of this machine with the gateway’s, and set them right.',
  };
};

const unreachable = (connection: Connection, error: unknown): CliError => {
  const reason = reasonOf(error);
  return new CliError(
    EXIT.unreachable,
    outOfTime(connection, reason) ?? {
      code: 'unreachable',
      title: `No gateway answered at ${connection.url}.`,
      detail: reason,
      remedy: 'Start one with `mosaic gateway start`, or name its address with --url or MOSAIC_URL.',
    },
    error,
  );
};

const unexpected = (detail: string, status: number): CliError =>
  new CliError(EXIT.failure, {
    code: 'unexpected_answer',
    title: 'The server gave an answer that this program does not understand.',
    detail,
    remedy: 'Check that --url names a Mosaic gateway of a compatible version.',
    status,
  });

// A server that echoes what it was sent must not make us show the token.
const withoutToken = (text: string, { token }: Connection): string =>
  token === null ? text : text.replaceAll(token, '[token]');

const valueOf = (text: string): unknown => {
  const json = parseJson(text, ANSWER_BOUNDS);
  return json.ok ? json.value : undefined;
};

const fit = <T extends z.ZodType>(answer: T, value: unknown, status: number): z.output<T> => {
  const parsed = answer.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unexpected(
    `${issue?.path.join('.') || 'the whole answer'}: ${issue?.message ?? 'unexpected'}`,
    status,
  );
};

/** A client bound to one gateway and one token. Redirects are not followed: the token goes nowhere else. */
export const createApi = (connection: Connection, fetch_: typeof fetch): Api => {
  const send = async <T extends z.ZodType>(
    method: string,
    path: string,
    body: unknown,
    answer: T,
  ): Promise<z.output<T>> => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (connection.token !== null) headers['authorization'] = `Bearer ${connection.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let status: number;
    let text: string | null;
    try {
      const response = await fetch_(`${connection.url}${path}`, {
        method,
        headers,
        redirect: 'manual',
        signal: AbortSignal.timeout(connection.timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await readBody(response);
    } catch (error) {
      throw unreachable(connection, error);
    }
    if (text === null) throw unexpected('the answer is too large', status);
    if (status === 204) return fit(answer, null, status);
    const value = valueOf(status < 400 ? text : withoutToken(text, connection));
    if (status >= 300 && status < 400) throw unexpected(`HTTP ${status}: redirects are not followed`, status);
    if (status >= 400) throw problemOf(status, value);
    if (value === undefined) throw unexpected('it is not JSON', status);
    return fit(answer, value, status);
  };
  const stream: Api['stream'] = async (path, query, write) => {
    const token = connection.token === null ? {} : { authorization: `Bearer ${connection.token}` };
    // For the answer's beginning: how long the rest takes is a matter of its length.
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), connection.timeoutMs);
    try {
      const response = await fetch_(`${connection.url}${path}${queryText(query)}`, {
        headers: token,
        redirect: 'manual',
        signal: patience.signal,
      });
      clearTimeout(timer);
      if (response.status !== 200) {
        const text = (await readBody(response)) ?? '';
        throw problemOf(response.status, valueOf(withoutToken(text, connection)));
      }
      const decoder = new TextDecoder();
      const body = response.body as ReadableStream<Uint8Array> | null;
      const reader = body?.getReader();
      for (;;) {
        const part = await reader?.read();
        if (part === undefined || part.done) break;
        write(decoder.decode(part.value, { stream: true }));
      }
      write(decoder.decode());
    } catch (error) {
      throw error instanceof CliError ? error : unreachable(connection, error);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    stream,
    get: (path, answer, query = {}) => send('GET', `${path}${queryText(query)}`, undefined, answer),
    post: (path, body, answer) => send('POST', path, body, answer),
    put: (path, body, answer) => send('PUT', path, body, answer),
    patch: (path, body, answer) => send('PATCH', path, body, answer),
    delete: (path, answer) => send('DELETE', path, undefined, answer),
  };
};
