/**
 * What an acceptance suite needs of the gateways it runs against, whatever they are made of. The suites know
 * this interface only, so that the same cases run on the embedded tier and on real components.
 */
export interface Item {
  readonly id: string;
  readonly title: string;
  readonly created_at: string;
  readonly team_id: string | null;
  readonly owner_id: string | null;
  readonly _source: string;
  /** Of a hit only. */
  readonly _rank?: number;
  readonly _highlights?: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly _cached?: true;
}

/** The members of answers that suites look at. Nothing checks them but the assertions, which fail on a wrong shape. */
export interface Body {
  readonly id: string;
  readonly code: string;
  readonly text: string;
  readonly token: { readonly text: string };
  readonly items: readonly Item[];
  readonly item: Item;
  readonly next_cursor: string | null;
  readonly sources: Readonly<
    Record<
      string,
      { readonly status: string; readonly count: number; readonly code?: string; readonly _cached?: true }
    >
  >;
  readonly notices: readonly { readonly source: string; readonly code: string }[];
  readonly grant: { readonly id: string; readonly status: string };
  readonly enrollment: { readonly url: string };
  readonly peer?: { readonly id: string };
  readonly certificate: string;
  readonly subject_user_id?: string;
  readonly limit?: number;
  readonly window?: number;
  readonly retry_after?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface ApiCall {
  readonly method?: string;
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WorldGateway {
  readonly name: string;
  readonly publicUrl: string;
  /** Base of the mTLS listener. */
  readonly federationUrl: string;
  readonly adminToken: string;
  /** For the public API: the global one where that is plain HTTP, else one that trusts the gateway's authority. */
  readonly fetch?: typeof globalThis.fetch;
  /** Runs SQL with the database owner's rights: for looking underneath and for editing by hand. */
  sql(text: string, parameters?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Waits until every audit entry accepted so far is in the database. */
  flushAudit(): Promise<void>;
  /** A certificate of the gateway's authority for its own name, and the key: for what its operator puts in front. */
  serverTls(): Promise<{ readonly cert: string; readonly key: string }>;
}

/** What it takes to call a gateway. */
export type Reachable = Pick<WorldGateway, 'name' | 'publicUrl' | 'federationUrl' | 'adminToken' | 'fetch'>;

export interface World {
  readonly home: WorldGateway;
  readonly work: WorldGateway;
  close(): Promise<void>;
}

/** Calls a gateway's public API; the body is parsed when it is JSON. `token: null` sends none. */
export const call = async (gateway: Reachable, path: string, options: ApiCall = {}): Promise<ApiAnswer> => {
  const token = options.token === undefined ? gateway.adminToken : options.token;
  const response = await (gateway.fetch ?? fetch)(`${gateway.publicUrl}${path}`, {
    method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : text) as Body,
  };
};

/** As `call`, for a call that a test only makes to get on: anything but the expected status throws with the answer. */
export const must = async (
  status: number,
  gateway: Reachable,
  path: string,
  options: ApiCall = {},
): Promise<Body> => {
  const answer = await call(gateway, path, options);
  if (answer.status !== status) {
    throw new Error(
      `${gateway.name} ${path}: expected ${status}, got ${answer.status} ${JSON.stringify(answer.body)}`,
    );
  }
  return answer.body;
};
