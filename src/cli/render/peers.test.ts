import { describe, expect, it } from 'vitest';
import { PEER_STATES } from '../../../domain/peers/peer.ts';
import { peerAnswer, type PeerAnswer } from '../client/answers.ts';
import { runWith, scripted } from '../testing/cli.testkit.ts';
import { renderPeer, renderPeers } from './peers.ts';

const now = new Date('2026-11-22T12:00:00.000Z');

const peer = (over: Partial<PeerAnswer> = {}): PeerAnswer => ({
  id: '9a9a9a9a-0000-4000-8000-000000000000',
  direction: 'outbound',
  name: 'work',
  state: 'active',
  created_at: '2026-11-01T08:00:00.000Z',
  local_user_id: '0d7c8e0a-54a1-4f4f-9f6c-3b6f0d9a7e11',
  federation_url: 'https://work.example:8443',
  ca_fingerprint: 'a'.repeat(64),
  remote_grant_id: '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21',
  remote_subject_user_id: '22222222-2222-4222-8222-222222222222',
  certificate_not_after: '2026-12-21T12:00:00.000Z',
  last_success_at: null,
  last_failure_at: null,
  last_failure_code: null,
  ...over,
});

const row = (over: Partial<PeerAnswer>): string => renderPeers([peer(over)], now).split('\n')[1] ?? '';

describe('peer list', () => {
  it.each(PEER_STATES)('M2-8 renders the state %s', (state) => {
    expect(row({ state })).toMatch(new RegExp(` ${state} `));
    for (const other of PEER_STATES) {
      if (other !== state) expect(row({ state })).not.toMatch(new RegExp(` ${other} `));
    }
  });

  it.each(['active', 'degraded'])(
    'M2-8 a peer that is %s but whose certificate has run out says both',
    (state) => {
      expect(row({ state, certificate_not_after: '2026-11-22T12:00:00.000Z' })).toContain(
        ` ${state}, certificate expired `,
      );
    },
  );

  it('M2-8 a revoked peer is revoked, whatever its certificate says', () => {
    const text = row({ state: 'revoked', certificate_not_after: '2026-01-01T00:00:00.000Z' });
    expect(text).toContain(' revoked ');
    expect(text).not.toContain('certificate expired');
  });

  it('M2-8 tells who asks whom', () => {
    expect(row({ direction: 'outbound' })).toContain(' outbound ');
    expect(row({ direction: 'inbound' })).toContain(' inbound ');
  });

  it.each([
    [{}, 'none yet'],
    [{ last_success_at: '2026-11-22T11:50:00.000Z' }, 'ok 10 min ago'],
    [
      { last_failure_at: '2026-11-22T11:50:00.000Z', last_failure_code: 'peer_timeout' },
      'peer_timeout 10 min ago',
    ],
    [
      {
        last_success_at: '2026-11-22T10:00:00.000Z',
        last_failure_at: '2026-11-22T11:00:00.000Z',
        last_failure_code: 'grant_revoked',
      },
      'grant_revoked 1 h ago',
    ],
    [
      {
        last_success_at: '2026-11-22T11:00:00.000Z',
        last_failure_at: '2026-11-22T10:00:00.000Z',
        last_failure_code: 'peer_timeout',
      },
      'ok 1 h ago',
    ],
  ])('M2-8 tells the latest of %j', (over, expected) => expect(row(over).endsWith(expected)).toBe(true));

  it('M2-8 as JSON: every state with all the gateway answered', async () => {
    const items = PEER_STATES.map((state) => peer({ state }));
    const { fetch } = scripted([{ body: { items, next_cursor: null } }]);
    const { code, out } = await runWith(['federation', 'peer', 'list', '--json'], { fetch, now });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ items, next_cursor: null });
  });

  it('X-77 shows control characters a peer supplied as text, on one line', () => {
    const text = renderPeers(
      [
        peer({
          name: '\u001b]0;owned\u0007',
          last_failure_at: now.toISOString(),
          last_failure_code: 'x\r\ny',
        }),
      ],
      now,
    );
    expect(text).toContain('\\u001b]0;owned\\u0007');
    expect(text).toContain('x\\u000d\\u000ay');
    expect(text.split('\n')).toHaveLength(3);
  });

  it('says so when there are none', () => expect(renderPeers([], now)).toBe('There are no peers.\n'));
});

describe('peer show', () => {
  it('M2-8 shows one peer in full', () => {
    const text = renderPeer(peer({ state: 'degraded' }), now);
    expect(text).toMatch(/^state +degraded$/m);
    expect(text).toMatch(/^address +https:\/\/work\.example:8443$/m);
    const open = { state: 'open', since: '2026-11-22T11:59:00.000Z', next_probe: '2026-11-22T12:00:05.000Z' };
    expect(renderPeer(peer({ circuit: open }), now)).toMatch(
      /^circuit +open, since 2026-11-22 11:59:00Z, asked again in 5 s$/m,
    );
    expect(text).toMatch(/^certificate until +2026-12-21 12:00:00Z \(in 29 d\)$/m);
  });

  it('the fixture is what the API answers', () => expect(peerAnswer.parse(peer())).toEqual(peer()));
});
