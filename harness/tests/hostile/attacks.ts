import { dearChain } from '../../../ca/testing/dear-chain.testkit.ts';
import { halfOpen } from './half-open.ts';
import { manyMembers, requestWithLongOid } from './material.ts';
import { flood, resetFlood, slowly, type Material, type Tally } from './floods.ts';
import type { PeerOrder } from './peer-process.ts';

/** What an attacker knows of the gateway it attacks, and what it holds of it. */
export interface Victim {
  readonly publicUrl: string;
  readonly federationUrl: string;
  /** Certificates of grants, by what the grant is like. */
  readonly peers: Readonly<Partial<Record<PeerKind, Material>>>;
  /** Token of a person at home. */
  readonly token: string;
}

/**
 * `greedy` reads long notes at the default limit; `beyond` has a limit of 60; `suspended` is; nothing limits `many`.
 */
export type PeerKind = 'greedy' | 'beyond' | 'suspended' | 'many';

export interface Attack {
  readonly name: string;
  /** Of FAULTS or ABUSE. */
  readonly faults: string;
  /** Which gateway suffers. */
  readonly at: 'home' | 'work';
  /** Fronts that it can be made at. */
  readonly fronts: readonly Front[];
  /** What the hostile peer gives meanwhile. */
  readonly peer?: Partial<PeerOrder>;
  /** Tokens of an ordinary grant refill in a minute: then there is nothing to repeat at once. */
  readonly isOnce?: true;
  run(victim: Victim, until: AbortSignal, begun: () => void): Promise<Tally>;
}

export type Front = 'nginx' | 'own';
type Run = Attack['run'];

const BOTH: readonly Front[] = ['nginx', 'own'];
const JSON_TYPE = { 'content-type': 'application/json' } as const;
const LIST = '/federation/v1/tasks?limit=50';
const OURS = { federation: 'federationUrl', public: 'publicUrl' } as const;

/** Nothing but what the hostile peer gives: whoever is enrolled there comes and takes it. */
const wait: Run = async (_victim, until, begun) => {
  begun();
  if (!until.aborted)
    await new Promise<void>((resolve) => until.addEventListener('abort', () => resolve(), { once: true }));
  return {};
};

/** @returns a flood of one stranger at the public listener */
const stranger =
  (connections: number, path: string): Run =>
  (victim, until, begun) =>
    flood({ origin: victim.publicUrl, connections, request: () => ({ path }) }, until, begun);

const posting =
  (connections: number, path: string, body: () => string | Promise<string>): Run =>
  async (victim, until, begun) => {
    const text = await body();
    const request = () => ({ path, method: 'POST', headers: JSON_TYPE, body: text }) as const;
    return flood({ origin: victim.publicUrl, connections, request }, until, begun);
  };

const asPeer =
  (kind: PeerKind, connections: number, path: string, most?: number): Run =>
  (victim, until, begun) =>
    flood(
      {
        origin: victim[OURS.federation],
        connections,
        material: victim.peers[kind],
        request: () => ({ path }),
        ...(most === undefined ? {} : { most }),
      },
      until,
      begun,
    );

const asPerson =
  (
    connections: number,
    path: string,
    headers: (n: number) => Readonly<Record<string, string>> = () => ({}),
  ): Run =>
  (victim, until, begun) =>
    flood(
      {
        origin: victim[OURS.public],
        connections,
        request: (n) => ({ path, headers: { authorization: `Bearer ${victim.token}`, ...headers(n) } }),
      },
      until,
      begun,
    );

/** Connections of a stranger to both listeners that never ask anything. */
const halfOpening =
  (connections: number, isDribbling: boolean): Run =>
  ({ federationUrl, publicUrl }, until, begun) =>
    halfOpen({ origins: [federationUrl, publicUrl], connections, isDribbling }, until, begun);

/** Handshakes of a stranger, each with so many certificates that are dear to verify. */
const dearHandshakes =
  (connections: number, certificates: number): Run =>
  async ({ federationUrl }, until, begun) => {
    const material = await dearChain(certificates, 'rsa');
    const request = () => ({ path: LIST });
    return flood({ origin: federationUrl, connections, material, request }, until, begun);
  };

const PLACES = Array.from({ length: 64 }, () => `${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}.1`).join(
  ',',
);
const HEAD = 'HTTP/1.1\r\nHost: localhost\r\n';
const asked = 'source=federated:work';
const NOT_KEPT = { 'cache-control': 'no-cache' } as const;

const list = (name: string, faults: string, what: PeerOrder['list']): Attack => ({
  name,
  faults,
  at: 'home',
  fronts: BOTH,
  peer: { list: what },
  run: wait,
});

const at = (where: Attack['at'], name: string, faults: string, run: Run, fronts = BOTH): Attack => ({
  name,
  faults,
  at: where,
  fronts,
  run,
});

/** The attacks of FAULTS kind A, each as one outsider can make it. Each runs until it is stopped, on loopback alone. */
export const ATTACKS: readonly Attack[] = [
  list('list: OID of 512 KB', 'F-1', 'long-oid'),
  list('list: 4 M NULLs', 'F-1', 'nulls'),
  list('list: number of 2 MB', 'F-1', 'long-number'),
  {
    ...at('home', 'answer: 8 MiB of []', 'F-1', asPerson(4, '/api/query/tasks?source=federated:hostile')),
    peer: { rows: 'arrays' },
  },
  at(
    'work',
    'request: OID of 16 KB',
    'F-1',
    posting(8, '/enrollment/v1/redeem', async () =>
      JSON.stringify({ token: 'A'.repeat(43), csr: await requestWithLongOid() }),
    ),
  ),
  at(
    'work',
    'h2: HEADERS, RST',
    'F-2',
    (victim, until, begun) =>
      resetFlood({ origin: victim.publicUrl, connections: 10, path: '/health' }, until, begun),
    ['nginx'],
  ),
  at('work', 'JSON of 95,000 members: redeem', 'F-3', posting(8, '/enrollment/v1/redeem', manyMembers)),
  at('work', 'JSON of 95,000 members: setup', 'F-3', posting(8, '/api/bootstrap/setup', manyMembers)),
  at('work', '/docs, 20 connections', 'F-4', stranger(20, '/docs')),
  at('work', '/openapi.json, 20 connections', 'F-4', stranger(20, '/openapi.json')),
  at('work', '/pki/crl, 20 connections', 'F-9', stranger(20, '/pki/crl')),
  {
    ...at(
      'work',
      '50 lists of notes at once',
      'F-5',
      asPeer('greedy', 50, '/federation/v1/notes?limit=10000', 50),
    ),
    isOnce: true,
  },
  at('work', 'far beyond the limit', 'F-6', asPeer('beyond', 20, LIST)),
  at('work', 'while suspended', 'F-6', asPeer('suspended', 20, LIST)),
  at(
    'work',
    'checkpoint, 64 places',
    'F-8',
    asPeer('many', 8, `/federation/v1/audit/checkpoint?at=${PLACES}`),
  ),
  at(
    'home',
    'cold lists, 180 at once',
    'F-10',
    asPerson(180, `/api/query/tasks?${asked}`, () => NOT_KEPT),
  ),
  at(
    'home',
    '400 session names',
    'F-18',
    asPerson(20, '/api/query/tasks?source=all', (n) => ({ 'x-mosaic-session': `s${n % 400}` })),
  ),
  at('work', 'tokens that nobody has', 'F-19', (victim, until, begun) =>
    flood(
      {
        origin: victim.publicUrl,
        connections: 20,
        request: (n) => ({
          path: '/api/me',
          headers: { authorization: `Bearer mos_${String(n).padStart(43, 'A')}` },
        }),
      },
      until,
      begun,
    ),
  ),
  at('work', '256 connections', 'F-11', asPeer('many', 256, LIST)),
  at('work', '1,000 connections', 'F-11', asPeer('many', 1_000, LIST)),
  at('work', 'handshakes: 62 dear certificates', 'F-1', dearHandshakes(8, 62)),
  // As many as a handshake may bring.
  at('work', 'handshakes: 4 dear certificates', 'F-1', dearHandshakes(40, 4)),
  at('work', '9,000 half-open connections', 'F-2', halfOpening(9_000, false)),
  at('work', 'handshakes, a byte a second', 'F-2', halfOpening(600, true)),
  at('work', 'slow headers and bodies', 'X-60', (victim, until, begun) =>
    slowly(
      [
        { origin: victim.federationUrl, connections: 350, head: `GET ${LIST} ${HEAD}X-Slow: ` },
        {
          origin: victim.publicUrl,
          connections: 150,
          head: `POST /enrollment/v1/redeem ${HEAD}Content-Type: application/json\r\nContent-Length: 200\r\n\r\n{`,
        },
      ],
      until,
      begun,
    ),
  ),
];
