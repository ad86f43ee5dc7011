import { describe, expect, it } from 'vitest';
import { PEER_STATES } from '../peers/peer.ts';
import { lightOf, lightOfPeer, type PeerStanding, type Standing } from './federation.ts';

const now = new Date('2026-03-01T12:00:00Z');
const inDays = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const peer = (parts: Partial<PeerStanding> = {}): PeerStanding => ({
  state: 'active',
  circuit: 'closed',
  certificateNotAfter: inDays(20),
  ...parts,
});
const standing = (parts: Partial<Standing> = {}): Standing => ({
  peers: [peer()],
  isRestored: false,
  isDatabaseFit: true,
  isFrontStale: false,
  isFrontUnproven: false,
  auditDropped: 0,
  alertsRaised: 0,
  ...parts,
});

describe('M5-8 the light of a peer', () => {
  it.each([
    ['is asked', {}, 'green'],
    ['is degraded', { state: 'degraded' }, 'yellow'],
    ['is not asked for a while', { circuit: 'open' }, 'yellow'],
    ['is being tried', { circuit: 'half_open' }, 'yellow'],
    ['has two days left', { certificateNotAfter: inDays(2) }, 'yellow'],
    ['has an expired certificate', { certificateNotAfter: now }, 'red'],
    ['has no certificate', { certificateNotAfter: null }, 'red'],
  ] as const)('that %s', (_name, parts, light) => {
    expect(lightOfPeer(peer(parts), now)).toBe(light);
  });

  it.each(PEER_STATES.filter((state) => state !== 'active' && state !== 'degraded'))(
    'that somebody wants %s is green, whatever its certificate',
    (state) => {
      expect(lightOfPeer(peer({ state, certificateNotAfter: null, circuit: 'open' }), now)).toBe('green');
    },
  );
});

describe('M5-8 the light of the federation', () => {
  it('is that of its worst part', () => {
    expect(lightOf(standing(), now)).toBe('green');
    expect(lightOf(standing({ peers: [] }), now)).toBe('green');
    expect(lightOf(standing({ isFrontStale: true }), now)).toBe('yellow');
    expect(lightOf(standing({ auditDropped: 1 }), now)).toBe('yellow');
    expect(lightOf(standing({ alertsRaised: 1 }), now)).toBe('yellow');
    expect(lightOf(standing({ peers: [peer(), peer({ state: 'degraded' })] }), now)).toBe('yellow');
    expect(lightOf(standing({ peers: [peer({ certificateNotAfter: now }), peer()] }), now)).toBe('red');
    expect(lightOf(standing({ isRestored: true, isFrontStale: true }), now)).toBe('red');
    expect(lightOf(standing({ isDatabaseFit: false }), now)).toBe('red');
    expect(lightOf(standing({ isFrontUnproven: true }), now)).toBe('red');
  });
});
