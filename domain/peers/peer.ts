export const PEER_STATES = ['pending', 'active', 'degraded', 'suspended', 'revoked'] as const;
export type PeerState = (typeof PEER_STATES)[number];

/** `inbound`: the peer asks us (we are B). `outbound`: we ask the peer (we are A). */
export type PeerDirection = 'inbound' | 'outbound';

/** The counters of a peer that was never asked. */
export const NEVER_ASKED = { cacheEpoch: 0, remoteGrantVersion: null, outages: 0 } as const;

export type PeerEvent = 'enrolled' | 'renewal_failed' | 'renewed' | 'suspend' | 'resume' | 'revoke';

const MACHINE: Readonly<Record<PeerState, Partial<Record<PeerEvent, PeerState>>>> = {
  pending: { enrolled: 'active', revoke: 'revoked' },
  active: {
    enrolled: 'active',
    renewed: 'active',
    renewal_failed: 'degraded',
    suspend: 'suspended',
    revoke: 'revoked',
  },
  degraded: {
    enrolled: 'active',
    renewed: 'active',
    renewal_failed: 'degraded',
    suspend: 'suspended',
    revoke: 'revoked',
  },
  suspended: { resume: 'active', revoke: 'revoked' },
  revoked: {},
};

/** The state after an event, or null when the event is not possible in that state. Revoked is final. */
export const nextPeerState = (state: PeerState, event: PeerEvent): PeerState | null =>
  MACHINE[state][event] ?? null;

/** Whether this gateway may send the peer a request (outbound) or answer one (inbound). */
export const isUsable = (state: PeerState): boolean => state === 'active' || state === 'degraded';
