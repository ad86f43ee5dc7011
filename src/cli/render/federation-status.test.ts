import { describe, expect, it } from 'vitest';
import { PEER_STATES } from '../../../domain/peers/peer.ts';
import { federationStatusAnswer, type FederationStatusAnswer } from '../client/answers.ts';
import { runWith, scripted } from '../testing/cli.testkit.ts';
import { renderFederationStatus } from './federation-status.ts';

const now = new Date('2026-11-22T12:00:00.000Z');

type PeerStatus = FederationStatusAnswer['peers'][number];

const peer = (over: Partial<PeerStatus> = {}): PeerStatus => ({
  status: 'green',
  id: '9a9a9a9a-0000-4000-8000-000000000000',
  direction: 'outbound',
  name: 'work',
  state: 'active',
  created_at: '2026-11-01T08:00:00.000Z',
  certificate_not_after: '2026-12-21T12:00:00.000Z',
  last_success_at: '2026-11-22T11:59:30.000Z',
  last_failure_at: null,
  last_failure_code: null,
  circuit: { state: 'closed', since: null, next_probe: null },
  ...over,
});

const answer = (over: Partial<FederationStatusAnswer> = {}): FederationStatusAnswer => ({
  status: 'green',
  at: now.toISOString(),
  gateway: 'home',
  peers: [peer()],
  more_peers: false,
  cache: { hits: 3, misses: 1, hit_rate: 0.75 },
  audit: { accepted: 5, written: 4, dropped: 0, waiting: 1 },
  alerts: { raised: {}, lost: 0 },
  revocation: { status: 'current', epoch: 1 },
  front: null,
  ...over,
});

const row = (over: Partial<PeerStatus>): string =>
  renderFederationStatus(answer({ peers: [peer(over)] }), now).split('\n')[1] ?? '';

describe('federation status', () => {
  it.each(PEER_STATES)('M5-8 shows the state %s', (state) => {
    expect(row({ state })).toContain(` ${state} `);
  });

  it('M5-8 shows certificate expiry, last success, last failure and circuit', () => {
    expect(row({})).toMatch(/^ok +work +active +closed +2026-12-21 12:00:00Z \(in 29 d\) +30 s ago +never$/);
    const failing = row({
      status: 'yellow',
      state: 'degraded',
      circuit: { state: 'open', since: '2026-11-22T11:00:00.000Z', next_probe: '2026-11-22T12:00:20.000Z' },
      last_success_at: null,
      last_failure_at: '2026-11-22T11:59:00.000Z',
      last_failure_code: 'peer_timeout',
    });
    expect(failing).toMatch(
      /^LOOK +work +degraded +open, since 2026-11-22 11:00:00Z, asked again in 20 s .* never +1 min ago: peer_timeout$/,
    );
    expect(row({ status: 'red', certificate_not_after: now.toISOString() })).toMatch(
      /^FAIL +work +active, certificate expired/,
    );
  });

  it('M5-8 shows cache, audit, alerts, revocations, front and the whole', () => {
    const text = renderFederationStatus(
      answer({
        status: 'red',
        alerts: { raised: { peer_degraded: 2 }, lost: 1 },
        findings: [
          { status: 'yellow', message: 'It is slow.', cure: 'Look at it.', peer: 'work' },
          { status: 'red', message: 'Revocations are lost.', cure: 'Accept the restore.', peer: null },
        ],
        revocation: { status: 'lost', epoch: 1 },
        front: { status: 'stale', certificate_not_after: '2026-11-23T12:00:00.000Z' },
        more_peers: true,
      }),
      now,
    );
    expect(text).toMatch(/cache hits +75\.0 % \(3 of 4\)/);
    expect(text).toMatch(/audit +4 written, 1 waiting, 0 dropped/);
    expect(text).toMatch(/alerts +peer_degraded \(2\); 1 not delivered/);
    expect(text).toContain(
      'FAIL  Revocations are lost.\n      Accept the restore.\nLOOK  work: It is slow.\n      Look at it.\n',
    );
    expect(text).toMatch(/revocations +LOST/);
    expect(text).toMatch(/front +stale, certificate until 2026-11-23 12:00:00Z \(in 1 d\)/);
    expect(text).toContain('There are more peers');
    expect(text).toMatch(/Overall: red\.\n$/);
    const quiet = renderFederationStatus(
      answer({ peers: [], cache: { hits: 0, misses: 0, hit_rate: null } }),
      now,
    );
    expect(quiet).toContain('There are no outbound peers.');
    expect(quiet).toMatch(/cache hits +no queries yet\n/);
  });

  it('prints nothing of a peer that a terminal would obey', () => {
    expect(row({ last_failure_at: now.toISOString(), last_failure_code: '\u001b[2J' })).toContain(
      '\\u001b[2J',
    );
  });

  const asked = async (status: string, ...more: readonly string[]) => {
    const { fetch, seen } = scripted(Array.from({ length: 3 }, () => ({ body: answer({ status }) })));
    return { ...(await runWith(['federation', 'status', '--token', 't', ...more], { fetch })), seen };
  };

  it.each([
    ['green', 0],
    ['yellow', 1],
    ['red', 2],
  ])('M5-8 %s ends with exit code %i', async (status, code) => {
    expect((await asked(status, '--json')).code).toBe(code);
  });

  it('M5-8 --watch shows it again and again', async () => {
    const { out, code, seen } = await asked('green', '--watch', '1', '--count', '2');
    expect([code, seen.length, out.match(/Overall: green/g)?.length]).toEqual([0, 2, 2]);
  });

  it('reads what the gateway answers', () => {
    expect(federationStatusAnswer.safeParse(answer()).success).toBe(true);
  });
});
