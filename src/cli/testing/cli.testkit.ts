import type { Io } from '../shell/io.ts';
import { run } from '../shell/run.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Answers requests; by default any request fails as if nothing listened. */
  readonly fetch?: typeof fetch;
  readonly now?: Date;
}

const refuse: typeof fetch = () =>
  Promise.reject(
    new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }),
  );

/** Runs one command line in this process, with everything it touches handed in. */
export const runWith = async (args: readonly string[], options: RunOptions = {}): Promise<Ran> => {
  let out = '';
  let err = '';
  const io: Io = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    env: options.env ?? {},
    readStdin: () => Promise.resolve(options.stdin ?? ''),
    now: () => options.now ?? new Date('2026-11-22T12:00:00.000Z'),
    fetch: options.fetch ?? refuse,
  };
  const code = await run(args, io);
  return { code, out, err };
};

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly body: unknown;
}

/** A `fetch` that answers from a list, in order, and remembers what it was asked. */
export const scripted = (
  answers: readonly { readonly status?: number; readonly body: unknown }[],
): { readonly fetch: typeof fetch; readonly seen: SeenRequest[] } => {
  const seen: SeenRequest[] = [];
  const fetch_: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const text = await request.text();
    seen.push({
      method: request.method,
      path: `${url.pathname}${url.search}`,
      authorization: request.headers.get('authorization'),
      body: text === '' ? null : (JSON.parse(text) as unknown),
    });
    const answer = answers[seen.length - 1];
    if (answer === undefined) throw new Error('asked more often than expected');
    const status = answer.status ?? 200;
    return new Response(status === 204 ? null : JSON.stringify(answer.body), { status });
  };
  return { fetch: fetch_, seen };
};
