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
 * Every limit of the nginx in front, with its default: docs/reference/configuration.md has the same table, and a test keeps the
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
  bodies_per_address: limit(
    64,
    1,
    100_000,
    'Of those, requests with a body. A body may take long to come, and then only other bodies of that address are told to wait.',
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
  connections_per_address: limit(
    1_024,
    1,
    100_000,
    'Connections of one address (IPv6: its /64) to one of the two listeners, whatever was said over them; one more is closed at once.',
  ),
  connections_per_network: limit(2_048, 1, 100_000, 'The same of a whole IPv4 /24 or IPv6 /48.'),
  connections_per_listener: limit(
    10_240,
    64,
    100_000,
    'Connections to one of the two listeners, of everybody together.',
  ),
  connections_per_worker: limit(
    69_632,
    512,
    1_000_000,
    'Slots of one worker process. A client’s connection takes three, and one more while a gateway is at work for it; there must be enough for both listeners.',
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

/** Of a client's connection: the edge's two ends, and the one below. */
const SLOTS_OF_CLIENT = 3;
const LISTENERS = 2;
/** Slots that a worker may need, also when all connections are one worker's: one that has none left resets whoever comes. */
const slotsFor = (limits: FrontLimits): number =>
  LISTENERS * (SLOTS_OF_CLIENT * limits.connections_per_listener + limits.concurrent_requests) +
  limits.kept_to_gateway;

/** The defaults, and what takes their place. @throws RangeError for a limit out of its bounds */
export const frontLimits = (chosen: Partial<FrontLimits> = {}): FrontLimits => {
  const all = FRONT_LIMIT_NAMES.map((name) => {
    const { value, least, most } = FRONT_LIMITS[name];
    const given = chosen[name] ?? value;
    if (!Number.isSafeInteger(given) || given < least || given > most)
      throw new RangeError(`limit ${name} must be a whole number from ${least} to ${most}`);
    return [name, given] as const;
  });
  const limits = Object.fromEntries(all) as unknown as FrontLimits;
  const needed = slotsFor(limits);
  if (limits.connections_per_worker < needed)
    throw new RangeError(
      `limit connections_per_worker must be at least ${needed}: lower connections_per_listener, or raise it`,
    );
  return limits;
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
