/** A limit of the nginx in front, as `mosaic infra nginx --limit NAME=VALUE` sets it. */
interface FrontLimit {
  readonly value: number;
  readonly least: number;
  readonly most: number;
  /** What it bounds, for the documentation. */
  readonly about: string;
}

const limit = (value: number, least: number, most: number, about: string): FrontLimit => ({
  value,
  least,
  most,
  about,
});

/**
 * Every limit of the nginx in front, with its default: docs/configuration.md has the same table, and a test keeps the
 * two equal. Requests that are under way are what costs a gateway, so that they are bounded by whom they come from: by the
 * certificate where one was verified, and by the address (IPv6: its /64) otherwise.
 */
export const FRONT_LIMITS = {
  concurrent_requests: limit(
    3_500,
    10,
    100_000,
    'Requests that one socket of a gateway is at work on, of all clients together; beyond it 503. Must stay below the listen backlog of the gateway’s sockets (4,096, or `net.core.somaxconn` where that is less), so that no connection to a gateway is ever refused.',
  ),
  concurrent_per_certificate: limit(1_024, 1, 100_000, 'Requests under way of one client certificate.'),
  concurrent_per_address: limit(
    200,
    1,
    100_000,
    'Requests under way of one address without a verified certificate.',
  ),
  requests_per_certificate: limit(
    1_000,
    1,
    1_000_000,
    'Requests a second of one client certificate; twice as many at once. The limit of the grant, which the gateway keeps, is the one that peers are told of.',
  ),
  requests_per_address: limit(
    500,
    1,
    1_000_000,
    'Requests a second of one address without a verified certificate; twice as many at once. Raise it when many people share one address.',
  ),
  pages_per_address: limit(
    10,
    1,
    1_000_000,
    'Requests a second of one address for `/docs`, `/openapi.json` and `/pki/`; ten times as many at once.',
  ),
  requests_per_connection: limit(
    1_000,
    100,
    10_000,
    'Requests after which a client’s connection is closed. With HTTP/2, also the most streams that it can open and reset.',
  ),
  streams_per_connection: limit(32, 1, 128, 'Streams at once in one HTTP/2 connection (`--http2`).'),
  body_kilobytes: limit(32, 1, 1_024, 'Longest body of a request.'),
  resource_body_kilobytes: limit(
    1_024,
    32,
    1_024,
    'Longest body of a request to `/api/resources`, which holds a person’s own rows.',
  ),
  connections_per_worker: limit(
    8_192,
    512,
    100_000,
    'Connections of one worker process: those of clients, and those to gateways.',
  ),
  kept_to_gateway: limit(
    1_024,
    16,
    4_096,
    'Idle connections that one worker keeps to the gateways: a new one costs the gateway a turn of its loop.',
  ),
} as const satisfies Record<string, FrontLimit>;

export type FrontLimitName = keyof typeof FRONT_LIMITS;
export type FrontLimits = Readonly<Record<FrontLimitName, number>>;

export const FRONT_LIMIT_NAMES = Object.keys(FRONT_LIMITS) as readonly FrontLimitName[];

const isName = (name: string): name is FrontLimitName => Object.hasOwn(FRONT_LIMITS, name);

/** The defaults, and what takes their place. @throws RangeError for a limit out of its bounds */
export const frontLimits = (chosen: Partial<FrontLimits> = {}): FrontLimits => {
  const all = FRONT_LIMIT_NAMES.map((name) => {
    const { value, least, most } = FRONT_LIMITS[name];
    const given = chosen[name] ?? value;
    if (!Number.isSafeInteger(given) || given < least || given > most)
      throw new RangeError(`limit ${name} must be a whole number from ${least} to ${most}`);
    return [name, given] as const;
  });
  return Object.fromEntries(all) as unknown as FrontLimits;
};

/** `name=value` of a command line. @throws RangeError for an unknown name, or what is no number */
export const readLimit = (text: string): readonly [FrontLimitName, number] => {
  const [name = '', value = '', ...rest] = text.split('=');
  if (!isName(name) || rest.length > 0 || !/^\d{1,9}$/.test(value))
    throw new RangeError(
      `--limit ${JSON.stringify(text)} is not NAME=NUMBER with one of ${FRONT_LIMIT_NAMES.join(', ')}`,
    );
  return [name, Number(value)];
};
