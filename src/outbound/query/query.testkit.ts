import type { Principal } from '../../../domain/access/decide.ts';
import { compareRows } from '../../../domain/blend/blend.ts';
import type { CursorPosition } from '../../../domain/paging/cursor.ts';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import type { KeyValue } from '../../../domain/ports/basics.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { ResourceRow } from '../../../domain/resources.ts';
import type { AuthorizedGet, AuthorizedList } from '../../../domain/access/decide.ts';
import type { Deps, PeerClient } from '../../app/deps.ts';
import { TERMS_HEADER } from '../../protocol/cache-policy.ts';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { createSignInLimits } from '../../directory/sign-in-limits.ts';
import { createWorkInFlight, WORK_LIMITS } from '../../kernel/work-in-flight.ts';
import { macWith } from '../../kernel/mac.ts';
import type { AskingPerson } from './query-sources.ts';
import { assemble, type GatewayDeps } from '../../app/assemble.ts';

/*
 * A gateway that asks, with its store and its peers in memory. A peer answers real `Response`s as its HTTP side
 * would, with opaque cursors; only the network and the database are missing.
 */
export const ANN: Principal = {
  userId: '00000000-0000-4000-8000-0000000000a0',
  isAdmin: false,
  access: 'read',
};
export const TRACE = 'a'.repeat(32);

export const uuidOf = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

export const taskAt = (ms: number, n: number, title = `task ${n}`): ResourceRow => {
  const at = new Date(1_700_000_000_000 + ms).toISOString();
  return {
    id: uuidOf(n),
    owner_id: null,
    team_id: uuidOf(1),
    created_at: at,
    updated_at: at,
    title,
    body: null,
    status: 'open',
    due_at: null,
  };
};

const json = (body: unknown, status = 200, type = 'application/json'): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': type } });

export const problem = (status: number, code: string): Response =>
  json({ status, code }, status, 'application/problem+json');

export interface FakePeer {
  rows: ResourceRow[];
  /** `max_rows_per_query`. */
  cap: number;
  /** Raised when the scope is edited: older cursors are refused from then on. */
  epoch: number;
  /** What it says about keeping its answers; null: nothing, so that none is kept. */
  terms: string | null;
  /** Answers instead of the rows while set; may throw or hang. */
  fault: ((signal: AbortSignal | null) => Promise<Response> | Response) | null;
  requests: number;
}

export const fakePeer = (rows: readonly ResourceRow[], cap = 10_000): FakePeer => ({
  rows: [...rows],
  cap,
  epoch: 0,
  terms: null,
  fault: null,
  requests: 0,
});

const listAfter = (rows: readonly ResourceRow[], after: CursorPosition | null): readonly ResourceRow[] =>
  rows
    .toSorted(compareRows)
    .filter(
      (row) =>
        after === null ||
        row.created_at < after.createdAt ||
        (row.created_at === after.createdAt && row.id < after.id),
    );

const answer = (peer: FakePeer, url: URL): Response => {
  const id = /^\/federation\/v1\/[a-z_]+\/(.+)$/.exec(url.pathname)?.[1];
  if (id !== undefined) {
    const item = peer.rows.find((row) => row.id === id);
    return item === undefined ? problem(404, 'not_found') : json({ item });
  }
  const cursor = url.searchParams.get('cursor');
  const [epoch, createdAt, rowId] = cursor === null ? [] : atob(cursor).split('|');
  if (cursor !== null && epoch !== String(peer.epoch)) return problem(400, 'invalid_cursor');
  const after = createdAt === undefined || rowId === undefined ? null : { createdAt, id: rowId };
  const limit = Math.min(Number(url.searchParams.get('limit')), peer.cap);
  const rest = listAfter(peer.rows, after);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  const more = rest.length > items.length && last !== undefined;
  return json({ items, next_cursor: more ? btoa(`${peer.epoch}|${last.created_at}|${last.id}`) : null });
};

const clientOf = (peer: FakePeer): PeerClient => ({
  fetch: async (url, init) => {
    peer.requests += 1;
    if (peer.fault !== null) return peer.fault(init?.signal ?? null);
    const given = answer(peer, new URL(url));
    if (peer.terms !== null) given.headers.set(TERMS_HEADER, peer.terms);
    return given;
  },
  close: async () => undefined,
});

const NOT_ENROLLED = {
  direction: 'outbound',
  createdAt: new Date(0),
  caFingerprint: null,
  remoteSubjectUserId: null,
  certificateNotAfter: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  lastFailureCode: null,
  ...NEVER_ASKED,
} as const;

const peerRow = (name: string, index: number): Peer => ({
  ...NOT_ENROLLED,
  id: uuidOf(0xbee0 + index),
  name,
  state: 'active',
  localUserId: ANN.userId,
  federationUrl: 'https://peer.example',
  caPem: 'ca',
  clientCertPem: 'certificate',
  clientKeyPemSealed: name,
  remoteGrantId: uuidOf(0xface + index),
});

export interface Asker {
  readonly deps: GatewayDeps;
  readonly local: ResourceRow[];
  readonly peers: Readonly<Record<string, FakePeer>>;
  readonly peerRows: Peer[];
  /** `<peer id> <code or ok>` as recorded. */
  readonly health: string[];
  /** Somebody, with the peers as the database has them now. */
  as(principal?: Principal): AskingPerson;
  /** Lets the gateway's clock go on. */
  pass(milliseconds: number): void;
}

export const asker = (
  local: readonly ResourceRow[],
  peers: Readonly<Record<string, FakePeer>>,
  timeoutMs = 60_000,
  settings: Partial<Deps['settings']> = {},
  kv?: KeyValue,
): Asker => {
  const health: string[] = [];
  let now = 1_800_000_000_000;
  const clock = { now: () => new Date(now) };
  const change = (id: string, values: Partial<Peer>): void => {
    const index = peerRows.findIndex((row) => row.id === id);
    const row = peerRows[index];
    if (row !== undefined) peerRows[index] = { ...row, ...values };
  };
  const own = [...local];
  const peerRows = Object.keys(peers).map(peerRow);
  const key = new Uint8Array(32).fill(7);
  const deps = {
    settings: {
      peerTimeoutMs: timeoutMs,
      circuitFailures: 5,
      circuitCooldownMs: 10_000,
      peerRetries: 0,
      cacheTtlSeconds: 30,
      ...settings,
    },
    keys: { cursorMac: macWith(key) },
    clock,
    kv: kv ?? createMemoryKeyValue({ clock }),
    signIns: createSignInLimits(clock),
    // Nobody waits: tests race requests with each other.
    work: createWorkInFlight({
      ...WORK_LIMITS,
      bytes: Infinity,
      partyBytes: Infinity,
      partyRunning: Infinity,
    }),
    random: { bytes: (length: number) => new Uint8Array(length).fill(1) },
    newSpanId: () => '01'.repeat(8),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    sealer: { open: async (sealed: string) => new TextEncoder().encode(sealed) },
    // The sealed key is the peer's name here, so that the client of a peer is found by its key.
    transport: {
      connect: ({ keyPem }: { readonly keyPem: string }) => clientOf(peers[keyPem] ?? fakePeer([])),
    },
    storage: {
      within: (_asker: unknown, work: () => Promise<unknown>) => work(),
      reader: {
        list: async ({ terms }: AuthorizedList) => {
          const rest = listAfter(own, terms.target.after);
          const items = rest.slice(0, terms.target.limit);
          const last = items.at(-1);
          const next =
            rest.length > items.length && last !== undefined
              ? { createdAt: last.created_at, id: last.id }
              : null;
          return { admitted: true, value: { items, next } };
        },
        get: async ({ terms }: AuthorizedGet) => ({
          admitted: true,
          value: own.find((row) => row.id === terms.target.id) ?? null,
        }),
      },
      stores: {
        peers: {
          byId: async (id: string) => peerRows.find((row) => row.id === id) ?? null,
          // As the database's trigger does it.
          setState: async (id: string, from: Peer['state'], to: Peer['state']) => {
            const row = peerRows.find((one) => one.id === id);
            if (row?.state !== from) return false;
            change(id, { state: to, cacheEpoch: row.cacheEpoch + 1 });
            return true;
          },
          raiseCacheEpoch: async (id: string) => {
            const epoch = (peerRows.find((row) => row.id === id)?.cacheEpoch ?? 0) + 1;
            change(id, { cacheEpoch: epoch });
            return epoch;
          },
          recordGrantVersion: async (id: string, version: number) => {
            const row = peerRows.find((one) => one.id === id);
            if (row === undefined || row.remoteGrantVersion === version) return;
            const raise = row.remoteGrantVersion === null ? 0 : 1;
            change(id, { remoteGrantVersion: version, cacheEpoch: row.cacheEpoch + raise });
          },
          recordSuccess: async (id: string, _at: Date, recovered: boolean | null) => {
            health.push(`${id} ok`);
            const row = peerRows.find((one) => one.id === id);
            if (recovered === true && row !== undefined) change(id, { outages: row.outages + 1 });
          },
          recordFailure: async (id: string, _at: Date, code: string) => void health.push(`${id} ${code}`),
        },
        peerTrust: {
          get: async () => ({ signingKey: null, crlUrl: null, crlNumber: null, epochToken: null }),
          takeNotices: async () => [],
          // As the database's trigger does it.
          markRevoked: async (id: string) => {
            const row = peerRows.find((one) => one.id === id);
            if (row === undefined || row.state === 'revoked') return false;
            change(id, { state: 'revoked', cacheEpoch: row.cacheEpoch + 1 });
            return true;
          },
        },
      },
    },
  };
  return {
    deps: assemble(deps as unknown as Deps),
    local: own,
    peers,
    peerRows,
    health,
    as: (principal = ANN) => ({
      principal,
      peers: peerRows.filter(({ localUserId }) => localUserId === principal.userId),
    }),
    pass: (milliseconds) => void (now += milliseconds),
  };
};
