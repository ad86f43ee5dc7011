import { describe, expect, it } from 'vitest';
import { NEVER_ASKED, PEER_STATES, isUsable, nextPeerState, type PeerEvent } from './peer.ts';

const EVENTS: readonly PeerEvent[] = ['enrolled', 'renewal_failed', 'renewed', 'suspend', 'resume', 'revoke'];

describe('peer state', () => {
  it('is final once revoked', () => {
    for (const event of EVENTS) expect(nextPeerState('revoked', event)).toBeNull();
  });

  it('can be revoked from everywhere else', () => {
    for (const state of PEER_STATES.filter((s) => s !== 'revoked'))
      expect(nextPeerState(state, 'revoke')).toBe('revoked');
  });

  it('degrades by a failed renewal and recovers by a good one', () => {
    expect(nextPeerState('active', 'renewal_failed')).toBe('degraded');
    expect(nextPeerState('degraded', 'renewed')).toBe('active');
  });

  it('is not usable before enrollment, while suspended, or after revocation', () => {
    expect(PEER_STATES.filter(isUsable)).toEqual(['active', 'degraded']);
  });

  it('does not leave suspension by enrolling', () => {
    expect(nextPeerState('suspended', 'enrolled')).toBeNull();
  });

  it('MUTANTS peer begins without having been asked', () => {
    expect(NEVER_ASKED).toEqual({ cacheEpoch: 0, remoteGrantVersion: null, outages: 0 });
  });
});
