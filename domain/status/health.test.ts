import { describe, expect, it } from 'vitest';
import { PEER_STATES } from '../peers/peer.ts';
import { HEALTH, HEALTH_CODES } from './health-texts.ts';
import {
  healthOf,
  lightOfPeer,
  lightsOf,
  withoutPeers,
  type HealthFacts,
  type PeerStanding,
} from './health.ts';

const now = new Date('2026-03-01T12:00:00Z');
const inDays = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const peer = (parts: Partial<PeerStanding> = {}): PeerStanding => ({
  name: 'work',
  direction: 'outbound',
  state: 'active',
  circuit: 'closed',
  certificateNotAfter: inDays(20),
  failure: null,
  ...parts,
});
const state = { condition: 'ok', since: now, cure: null } as const;
const front = { status: 'ok', certificateNotAfter: inDays(20), crlNextUpdate: inDays(1) } as const;
const facts = (parts: Partial<HealthFacts> = {}): HealthFacts => ({
  database: { answers: true, state },
  revocations: 'current',
  kv: { answers: true, isNeeded: false },
  authority: { answers: true },
  front,
  auditDropped: 0,
  alerts: {},
  peers: [peer()],
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
    ['F-52 shows another authority', { failure: 'ca_pin_mismatch', circuit: 'open' }, 'red'],
    ['F-56 refuses our certificate', { failure: 'certificate_untrusted' }, 'yellow'],
    ['F-56 has a server of the past', { failure: 'server_certificate_expired', circuit: 'open' }, 'yellow'],
    ['F-56 has a server of the future', { failure: 'server_certificate_not_yet_valid' }, 'yellow'],
    ['failed once', { failure: 'peer_timeout' }, 'green'],
    ['F-52 has ended its grant', { state: 'revoked', certificateNotAfter: null }, 'yellow'],
    ['asks us, and let its certificate expire', { direction: 'inbound', certificateNotAfter: now }, 'yellow'],
    [
      'asks us, and was revoked',
      { direction: 'inbound', state: 'revoked', certificateNotAfter: now },
      'green',
    ],
  ] as const)('that %s', (_name, parts, light) => {
    expect(lightOfPeer(peer(parts), now)).toBe(light);
  });

  it.each(PEER_STATES.filter((one) => one === 'pending' || one === 'suspended'))(
    'F-52 that somebody wants %s is green, whatever its certificate',
    (one) => {
      const parts = { state: one, certificateNotAfter: null, circuit: 'open' } as const;
      expect(lightOfPeer(peer(parts), now)).toBe('green');
    },
  );
});

describe('F-52 M5-8 one model of health', () => {
  it.each<[string, Partial<HealthFacts>, readonly string[], string, string]>([
    ['all is well', {}, [], 'green', 'ready'],
    ['no peers and no front', { peers: [], front: null }, [], 'green', 'ready'],
    ['a silent database', { database: { answers: false, state } }, ['database_unfit'], 'red', 'unavailable'],
    [
      'a standby',
      { database: { answers: true, state: { ...state, condition: 'standby' } } },
      ['database_unfit'],
      'red',
      'unavailable',
    ],
    ['lost revocations', { revocations: 'lost' }, ['revocations_lost'], 'red', 'degraded'],
    ['no store', { kv: { answers: false, isNeeded: false } }, ['kv_away'], 'yellow', 'degraded'],
    [
      'no store that is needed',
      { kv: { answers: false, isNeeded: true } },
      ['kv_needed'],
      'red',
      'unavailable',
    ],
    ['no authority', { authority: { answers: false } }, ['authority_away'], 'yellow', 'degraded'],
    ['a stale front', { front: { ...front, status: 'stale' } }, ['front_stale'], 'yellow', 'ready'],
    [
      'a front without proof',
      { front: { ...front, status: 'proof_unreadable' } },
      ['front_proof_unreadable'],
      'red',
      'degraded',
    ],
    ['an expired list', { front: { ...front, crlNextUpdate: now } }, ['front_expired'], 'red', 'ready'],
    [
      'an expired front',
      { front: { ...front, certificateNotAfter: now } },
      ['front_expired'],
      'red',
      'ready',
    ],
    ['dropped entries', { auditDropped: 1 }, ['audit_dropped'], 'yellow', 'ready'],
    [
      'an alert of this hour',
      { alerts: { audit_stalled: inDays(-0.04) } },
      ['alerts_raised'],
      'yellow',
      'ready',
    ],
    ['an alert of yesterday', { alerts: { audit_stalled: inDays(-1) } }, [], 'green', 'ready'],
    [
      'two peers in trouble',
      { peers: [peer(), peer({ state: 'degraded' }), peer({ state: 'degraded', name: 'other' })] },
      ['peer_degraded', 'peer_degraded'],
      'yellow',
      'ready',
    ],
  ])('%s', (_name, parts, codes, status, serving) => {
    const health = healthOf(facts(parts), now);
    expect(health.findings.map(({ code }) => code)).toEqual(codes);
    expect([health.status, health.serving]).toEqual([status, serving]);
    const [first] = codes;
    const check = first === undefined ? null : HEALTH[first as keyof typeof HEALTH].check;
    for (const [name, light] of Object.entries(lightsOf(health)))
      expect([name, light]).toEqual([name, name === check ? status : 'green']);
  });

  it('names the alerts of this hour, so that a full disk is not told as any other alert', () => {
    const alerts = {
      front_stale: inDays(-1),
      database_hindered: inDays(-0.01),
      audit_stalled: inDays(-0.04),
    };
    const [found] = healthOf(facts({ alerts }), now).findings;
    expect(found?.message).toBe(
      'The gateway raised alerts in the last hour: audit_stalled, database_hindered.',
    );
  });

  it('names the database’s condition and its cure', () => {
    const standby = { answers: true, state: { ...state, condition: 'standby' } } as const;
    const [found] = healthOf(facts({ database: standby }), now).findings;
    expect(found).toMatchObject({
      message: expect.stringContaining('standby') as string,
      cure: expect.stringContaining('primary') as string,
    });
  });

  it('tells strangers of each kind once, and names no peer', () => {
    const peers = ['a', 'b'].map((name) => peer({ name, state: 'degraded' }));
    const { findings } = healthOf(facts({ peers }), now);
    expect(findings.map((one) => one.peer)).toEqual(['a', 'b']);
    expect(withoutPeers(findings)).toMatchObject([{ code: 'peer_degraded', peer: null }]);
  });

  it.each(HEALTH_CODES)('%s says what is wrong and what to do, in sentences', (code) => {
    for (const text of [HEALTH[code].message, HEALTH[code].cure]) expect(text).toMatch(/^[A-Z].*[.)]$/);
  });
});
