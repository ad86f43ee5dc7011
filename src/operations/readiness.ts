import { DATABASE_CURES, type DatabaseState } from '../../domain/database/state.ts';
import type { Peer } from '../../domain/ports/peers.ts';
import { healthOf, type Health, type PeerStanding, type Serving } from '../../domain/status/health.ts';
import type { FrontState } from '../app/deps.ts';
import { revocationState } from '../inbound/revocation/lost-revocations.ts';
import type { OutboundDeps } from '../outbound/deps.ts';

export interface ServiceState {
  readonly status: 'ok' | 'unreachable';
  readonly latencyMs: number;
}

export interface DatabaseServiceState extends ServiceState {
  readonly state: DatabaseState;
}

export interface Readiness {
  readonly status: Serving;
  readonly health: Health;
  readonly services: Readonly<Record<'kv' | 'ca', ServiceState>> & {
    readonly database: DatabaseServiceState;
  };
  /** `lost`: the database lacks revocations that were published; null: it cannot be asked. */
  readonly revocations: 'current' | 'lost' | null;
  /** null: this gateway keeps no front. A stale one still serves, so it does not count; one that cannot prove itself does. */
  readonly front: FrontState | null;
}

const WAIT_MS = 2_000;

const within = async (work: () => Promise<unknown>): Promise<boolean> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), WAIT_MS);
  });
  try {
    return await Promise.race([work().then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
};

const probe = async (
  deps: OutboundDeps,
  name: string,
  work: () => Promise<unknown>,
): Promise<ServiceState> => {
  const start = performance.now();
  let ok = false;
  try {
    ok = await within(work);
    if (!ok) deps.log.warn('service did not answer in time', { service: name, wait_ms: WAIT_MS });
  } catch (error) {
    deps.log.warn('service is unreachable', { service: name, error: error instanceof Error ? error : null });
  }
  return { status: ok ? 'ok' : 'unreachable', latencyMs: Math.round(performance.now() - start) };
};

/**
 * A host that has gone silent is found by this look before a statement of somebody's has run out of time: then it is `away`, and not
 * without a condition.
 */
const stateSeen = (look: ServiceState, known: DatabaseState, now: Date): DatabaseState =>
  look.status === 'ok' || known.condition !== 'ok'
    ? known
    : { condition: 'away', since: now, cure: DATABASE_CURES.away };

/** A peer's row, as far as health goes. */
export const standingOf = (deps: OutboundDeps, peer: Peer): PeerStanding => {
  const { name, direction, state, certificateNotAfter, lastFailureAt, lastFailureCode, lastSuccessAt } = peer;
  const hasFailed = lastFailureAt !== null && (lastSuccessAt === null || lastFailureAt > lastSuccessAt);
  const { circuits } = deps.outbound;
  return {
    name,
    direction,
    state,
    certificateNotAfter,
    circuit: direction === 'outbound' ? circuits.of(peer.id).state : 'closed',
    failure: hasFailed ? lastFailureCode : null,
  };
};

/** More are not looked at: this is read every few seconds. */
export const MAX_PEERS = 1_000;

/** @throws MosaicError `database_unavailable` */
export const readStandings = async (deps: OutboundDeps): Promise<readonly PeerStanding[]> => {
  const { items } = await deps.storage.stores.peers.list({ limit: MAX_PEERS, after: null }, {});
  return items.map((peer) => standingOf(deps, peer));
};

type Standings = (deps: OutboundDeps) => Promise<readonly PeerStanding[]>;

/** The peers; null when they cannot be read, which the state of the database tells. */
const standings = async (deps: OutboundDeps, read: Standings): Promise<readonly PeerStanding[] | null> => {
  let found: readonly PeerStanding[] | null = null;
  await within(async () => {
    found = await read(deps);
  }).catch(() => false);
  return found;
};

/**
 * Asks every service the gateway needs, at once, each for at most 2 seconds. Why one fails is in the log only.
 *
 * @param read gives the peers that health tells of
 */
export const readiness = async (deps: OutboundDeps, read: Standings = readStandings): Promise<Readiness> => {
  let revocations: Readiness['revocations'] = null;
  const [database, kv, ca, peers] = await Promise.all([
    probe(deps, 'database', async () => {
      await deps.storage.ping();
      revocations = (await revocationState(deps)).isLost ? 'lost' : 'current';
    }),
    probe(deps, 'kv', () => deps.kv.ping()),
    probe(deps, 'ca', () => (deps.ca.ping === undefined ? deps.ca.rootPem() : deps.ca.ping())),
    standings(deps, read),
  ]);
  // How it stands is known from its work, not from this look alone: what is wrong between two looks counts as well.
  const state = stateSeen(database, deps.storage.state(), deps.clock.now());
  const front = deps.front?.() ?? null;
  const health = healthOf(
    {
      database: { answers: database.status === 'ok', state },
      revocations,
      kv: { answers: kv.status === 'ok', isNeeded: deps.kv.isOptional !== true },
      authority: { answers: ca.status === 'ok' },
      front,
      auditDropped: deps.audit.counters.dropped,
      alerts: deps.alerts?.counters().last ?? {},
      peers,
    },
    deps.clock.now(),
  );
  const isDatabaseFit = database.status === 'ok' && state.condition === 'ok';
  return {
    status: health.serving,
    health,
    services: {
      database: { ...database, status: isDatabaseFit ? 'ok' : 'unreachable', state },
      kv,
      ca,
    },
    revocations,
    front,
  };
};
