import type { DatabaseState } from '../../domain/database/state.ts';
import type { Peer } from '../../domain/ports/federation.ts';
import { lightOf, lightOfPeer, type Light } from '../../domain/status/federation.ts';
import type { AuditCounters, Deps, FrontState } from '../deps.ts';
import type { CacheCounters } from '../federation/cache.ts';
import { outboundOf } from '../federation/outbound.ts';
import type { Circuit } from './peers.ts';
import { revocationState, type RevocationState } from './revocation-epoch.ts';

export interface PeerStatus {
  readonly peer: Peer;
  readonly circuit: Circuit;
  readonly light: Light;
}

/** How this gateway's federation stands, as the process that answers sees it (SPEC M5-8). */
export interface FederationStatus {
  readonly status: Light;
  readonly at: Date;
  readonly gateway: string;
  /** Those this gateway asks, at most `MAX_PEERS`, newest first. */
  readonly peers: readonly PeerStatus[];
  /** There are more peers than are shown. */
  readonly more: boolean;
  readonly cache: CacheCounters;
  readonly audit: AuditCounters;
  readonly alerts: { readonly raised: Readonly<Record<string, number>>; readonly lost: number };
  readonly revocation: RevocationState;
  readonly database: DatabaseState;
  /** null where somebody else keeps the front. */
  readonly front: FrontState | null;
}

const MAX_PEERS = 1_000;
const NO_ALERTS = { raised: {}, lost: 0 } as const;

/** @throws MosaicError `database_unavailable` */
export const federationStatus = async (deps: Deps): Promise<FederationStatus> => {
  const { circuits, cache } = outboundOf(deps);
  const page = { limit: MAX_PEERS, after: null };
  const [found, revocation] = await Promise.all([
    deps.storage.stores.peers.list(page, { direction: 'outbound' }),
    revocationState(deps),
  ]);
  const at = deps.clock.now();
  const front = deps.front?.() ?? null;
  const database = deps.storage.state();
  const alerts = deps.alerts?.counters() ?? NO_ALERTS;
  const standings = found.items.map((peer) => {
    const circuit = circuits.of(peer.id);
    const standing = { ...peer, circuit: circuit.state };
    return { peer, circuit, standing, light: lightOfPeer(standing, at) };
  });
  const status = lightOf(
    {
      peers: standings.map(({ standing }) => standing),
      isRestored: revocation.isLost,
      isDatabaseFit: database.condition === 'ok',
      isFrontStale: front?.status === 'stale',
      isFrontUnproven: front?.status === 'proof_unreadable',
      auditDropped: deps.audit.counters.dropped,
      alertsRaised: Object.keys(alerts.raised).length,
    },
    at,
  );
  return {
    status,
    at,
    gateway: deps.settings.gatewayName,
    peers: standings.map(({ peer, circuit, light }) => ({ peer, circuit, light })),
    more: found.next !== null,
    cache: cache.counters,
    audit: deps.audit.counters,
    alerts,
    revocation,
    database,
    front,
  };
};
