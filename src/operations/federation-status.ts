import type { Peer } from '../../domain/ports/peers.ts';
import type { Light } from '../../domain/status/health-texts.ts';
import { lightOfPeer, type HealthFinding } from '../../domain/status/health.ts';
import type { Alerts, AuditCounters, FrontState } from '../app/deps.ts';
import type { CacheCounters } from '../outbound/cache/cache.ts';
import type { Circuit } from '../outbound/client/circuit.ts';
import { MAX_PEERS, readiness, standingOf, type Readiness } from './readiness.ts';
import { revocationState, type RevocationState } from '../inbound/revocation/lost-revocations.ts';
import type { OutboundDeps } from '../outbound/deps.ts';

export interface PeerStatus {
  readonly peer: Peer;
  readonly circuit: Circuit;
  readonly light: Light;
}

/** How this gateway's federation stands, as the process that answers sees it (SPEC M5-8). */
export interface FederationStatus {
  readonly status: Light;
  /** What is wrong, and what to do about it; the same model as that of `/ready` and the doctor. */
  readonly findings: readonly HealthFinding[];
  readonly at: Date;
  readonly gateway: string;
  /** Those this gateway asks, at most `MAX_PEERS`, newest first. */
  readonly peers: readonly PeerStatus[];
  /** There are more peers than are shown. */
  readonly more: boolean;
  readonly cache: CacheCounters;
  readonly audit: AuditCounters;
  readonly alerts: ReturnType<Alerts['counters']>;
  readonly revocation: RevocationState;
  readonly services: Readiness['services'];
  /** null where somebody else keeps the front. */
  readonly front: FrontState | null;
}

const NO_ALERTS = { raised: {}, last: {}, lost: 0 } as const;

/** @throws MosaicError `database_unavailable` */
export const federationStatus = async (deps: OutboundDeps): Promise<FederationStatus> => {
  const { circuits, cache } = deps.outbound;
  const [found, revocation, ready] = await Promise.all([
    deps.storage.stores.peers.list({ limit: MAX_PEERS, after: null }, { direction: 'outbound' }),
    revocationState(deps),
    readiness(deps),
  ]);
  const at = deps.clock.now();
  return {
    status: ready.health.status,
    findings: ready.health.findings,
    at,
    gateway: deps.settings.gatewayName,
    peers: found.items.map((peer) => ({
      peer,
      circuit: circuits.of(peer.id),
      light: lightOfPeer(standingOf(deps, peer), at),
    })),
    more: found.next !== null,
    cache: cache.counters,
    audit: deps.audit.counters,
    alerts: deps.alerts?.counters() ?? NO_ALERTS,
    revocation,
    services: ready.services,
    front: ready.front,
  };
};
