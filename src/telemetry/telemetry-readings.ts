import { DATABASE_CONDITIONS } from '../../domain/database/state.ts';
import { lightsOf } from '../../domain/status/health.ts';
import { PEER_STATES, isUsable } from '../../domain/peers/peer.ts';
import type { Peer } from '../../domain/ports/peers.ts';
import type { ReadName, Reading } from '../../domain/telemetry/metrics.ts';
import type { OutboundDeps } from '../outbound/deps.ts';
import { readiness } from '../operations/readiness.ts';
import { revocationState } from '../inbound/revocation/lost-revocations.ts';

/** More are not looked at: this is read every few seconds. */
const MAX_PEERS = 1_000;
const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;

/** As numbers: the worse, the higher. */
const LIGHTS = ['green', 'yellow', 'red'] as const;

const reading = (name: ReadName, value: number, labels: Readonly<Record<string, string>> = {}): Reading => ({
  name,
  value,
  labels,
});

const auditReadings = ({ audit }: OutboundDeps, capacity: number): readonly Reading[] => {
  const { accepted, written, dropped, droppedByClass } = audit.counters;
  return [
    ...Object.entries({ accepted, written, dropped }).map(([state, value]) =>
      reading('mosaic_audit_entries_total', value, { state }),
    ),
    ...Object.entries(droppedByClass).map(([name, value]) =>
      reading('mosaic_audit_dropped_total', value, { class: name }),
    ),
    reading('mosaic_audit_waiting', accepted - written - dropped),
    reading('mosaic_audit_capacity', capacity),
  ];
};

const cacheReadings = (deps: OutboundDeps): readonly Reading[] => {
  const { hits, misses } = deps.outbound.cache.counters;
  return [
    reading('mosaic_response_cache_questions_total', hits, { result: 'hit' }),
    reading('mosaic_response_cache_questions_total', misses, { result: 'miss' }),
  ];
};

const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1_000);

const frontReadings = ({ front }: OutboundDeps): readonly Reading[] => {
  const state = front?.();
  if (state === undefined) return [];
  return [
    reading('mosaic_certificate_not_after_timestamp_seconds', secondsOf(state.certificateNotAfter), {
      certificate: 'front',
    }),
    reading('mosaic_crl_next_update_timestamp_seconds', secondsOf(state.crlNextUpdate)),
    reading('mosaic_front_stale', state.status === 'ok' ? 0 : 1),
    reading('mosaic_front_refused_lists_total', state.refusedLists),
  ];
};

const peerReadings = (deps: OutboundDeps, peers: readonly Peer[]): readonly Reading[] => {
  const { circuits } = deps.outbound;
  const inState = (state: string): number => peers.filter((peer) => peer.state === state).length;
  const inCircuit = (state: string): number =>
    peers.filter(({ id }) => circuits.of(id).state === state).length;
  const ends = peers
    .filter(({ state }) => isUsable(state))
    .flatMap(({ certificateNotAfter: at }) => (at === null ? [] : [at.getTime()]));
  return [
    ...PEER_STATES.map((state) => reading('mosaic_peers', inState(state), { state })),
    ...CIRCUIT_STATES.map((state) => reading('mosaic_circuits', inCircuit(state), { state })),
    ...(ends.length === 0
      ? []
      : [
          reading('mosaic_certificate_not_after_timestamp_seconds', secondsOf(new Date(Math.min(...ends))), {
            certificate: 'peer',
          }),
        ]),
  ];
};

/** What only the database knows; nothing of it while the database is away, which `mosaic_service_up` tells. */
const databaseReadings = async (deps: OutboundDeps): Promise<readonly Reading[]> => {
  const page = { limit: MAX_PEERS, after: null };
  const [{ items }, { isLost }] = await Promise.all([
    deps.storage.stores.peers.list(page, { direction: 'outbound' }),
    revocationState(deps),
  ]);
  return [...peerReadings(deps, items), reading('mosaic_revocations_lost', isLost ? 1 : 0)];
};

const serviceReadings = async (deps: OutboundDeps): Promise<readonly Reading[]> => {
  const { services, health } = await readiness(deps);
  const { condition } = services.database.state;
  return [
    ...Object.entries(services).map(([service, { status }]) =>
      reading('mosaic_service_up', status === 'ok' ? 1 : 0, { service }),
    ),
    ...DATABASE_CONDITIONS.map((name) =>
      reading('mosaic_database_condition', name === condition ? 1 : 0, { condition: name }),
    ),
    ...Object.entries(lightsOf(health)).map(([check, light]) =>
      reading('mosaic_health', LIGHTS.indexOf(light), { check }),
    ),
  ];
};

/** How this gateway stands now: gauges, and counters that are kept elsewhere. Never throws. */
export const readMetrics = async (deps: OutboundDeps, auditCapacity: number): Promise<readonly Reading[]> => {
  const services = await serviceReadings(deps);
  const isThere = services.some(({ labels, value }) => labels['service'] === 'database' && value === 1);
  const stored = isThere ? await databaseReadings(deps).catch(() => []) : [];
  return [
    ...auditReadings(deps, auditCapacity),
    ...cacheReadings(deps),
    ...frontReadings(deps),
    ...services,
    ...stored,
  ];
};
