import { DATABASE_CURES, type DatabaseState } from '../../domain/database/state.ts';
import type { Deps, FrontState } from '../deps.ts';
import { revocationState } from './revocation-epoch.ts';

export const SERVICES = ['database', 'kv', 'ca'] as const;

export interface ServiceState {
  readonly status: 'ok' | 'unreachable';
  readonly latencyMs: number;
}

export interface DatabaseServiceState extends ServiceState {
  readonly state: DatabaseState;
}

export interface Readiness {
  /** `degraded`: what is away is not needed to serve, or peers are not served until an administrator has looked. */
  readonly status: 'ready' | 'degraded' | 'unavailable';
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

const probe = async (deps: Deps, name: string, work: () => Promise<unknown>): Promise<ServiceState> => {
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

/** Asks every service the gateway needs, at once, each for at most 2 seconds. Why one fails is in the log only. */
export const readiness = async (deps: Deps): Promise<Readiness> => {
  let revocations: Readiness['revocations'] = null;
  const [database, kv, ca] = await Promise.all([
    probe(deps, 'database', async () => {
      await deps.storage.ping();
      revocations = (await revocationState(deps)).isLost ? 'lost' : 'current';
    }),
    probe(deps, 'kv', () => deps.kv.ping()),
    probe(deps, 'ca', () => (deps.ca.ping === undefined ? deps.ca.rootPem() : deps.ca.ping())),
  ]);
  // How it stands is known from its work, not from this look alone: what is wrong between two looks counts as well.
  const state = stateSeen(database, deps.storage.state(), deps.clock.now());
  const isDatabaseFit = database.status === 'ok' && state.condition === 'ok';
  const services = {
    database: { ...database, status: isDatabaseFit ? 'ok' : 'unreachable', state } as const,
    kv,
    ca,
  };
  const isKvNeeded = deps.kv.isOptional !== true;
  // Lists are served without the authority, with the revocation list at hand: only enrolling and renewing wait for it.
  const isServing = [services.database, ...(isKvNeeded ? [kv] : [])].every(({ status }) => status === 'ok');
  const front = deps.front?.() ?? null;
  const isFrontProven = front?.status !== 'proof_unreadable';
  const isWhole = kv.status === 'ok' && ca.status === 'ok' && revocations === 'current' && isFrontProven;
  const status = !isServing ? 'unavailable' : isWhole ? 'ready' : 'degraded';
  return {
    status,
    services,
    revocations,
    front,
  };
};
