import { isUsable, type PeerState } from '../peers/peer.ts';

export type Light = 'green' | 'yellow' | 'red';

/**
 * `stale`: the last attempt to renew something failed, or a list was refused; what was there stays in force.
 * `proof_unreadable`: the secret that the front proves itself with cannot be read; peers get 503 once nginx uses another one.
 */
export const FRONT_STATUSES = ['ok', 'stale', 'proof_unreadable'] as const;
export type FrontStatus = (typeof FRONT_STATUSES)[number];

/** A peer that this gateway asks, as far as its state goes. */
export interface PeerStanding {
  readonly state: PeerState;
  readonly circuit: 'closed' | 'open' | 'half_open';
  readonly certificateNotAfter: Date | null;
}

/** What stands behind the status of a whole gateway. */
export interface Standing {
  readonly peers: readonly PeerStanding[];
  /** The database is older than revocations that were published. */
  readonly isRestored: boolean;
  /** The database answers, and is one to serve from. */
  readonly isDatabaseFit: boolean;
  /** Something about the front could not be renewed; false where nobody asks. */
  readonly isFrontStale: boolean;
  /** The gateway cannot tell its front from others: peers get 503, now or soon. */
  readonly isFrontUnproven: boolean;
  readonly auditDropped: number;
  readonly alertsRaised: number;
}

/** Below it a certificate should have been renewed long ago, unless a tenth of a short life is less. */
const SOON_MS = 3 * 86_400_000;

const worst = (lights: readonly Light[]): Light =>
  lights.includes('red') ? 'red' : lights.includes('yellow') ? 'yellow' : 'green';

/**
 * Red: the peer can not be asked although it should be. Yellow: it is asked with trouble. A peer that is revoked,
 * suspended or still pending is as somebody wanted it: green.
 */
export const lightOfPeer = ({ state, circuit, certificateNotAfter }: PeerStanding, now: Date): Light => {
  if (!isUsable(state)) return 'green';
  const left = certificateNotAfter === null ? 0 : certificateNotAfter.getTime() - now.getTime();
  if (left <= 0) return 'red';
  return state === 'degraded' || circuit !== 'closed' || left < SOON_MS ? 'yellow' : 'green';
};

/** The status of the gateway's federation: that of the worst of its parts (SPEC M5-8). */
export const lightOf = (standing: Standing, now: Date): Light =>
  worst([
    ...standing.peers.map((peer) => lightOfPeer(peer, now)),
    standing.isRestored || !standing.isDatabaseFit || standing.isFrontUnproven ? 'red' : 'green',
    standing.isFrontStale || standing.auditDropped > 0 || standing.alertsRaised > 0 ? 'yellow' : 'green',
  ]);
