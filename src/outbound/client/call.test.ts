import { describe, expect, it, vi } from 'vitest';
import { MosaicError } from '../../../domain/errors.ts';
import type { PeerClient } from '../../app/deps.ts';
import { callPeer } from './call.ts';

const MAX = 1_000;

const call = (
  answer: () => Promise<Response> | Response,
  signal: AbortSignal = AbortSignal.timeout(5_000),
  maxBytes = MAX,
) => {
  const client: PeerClient = { fetch: async () => answer(), close: async () => undefined };
  return callPeer(
    { client, url: 'https://peer.example/x', traceparent: 't', signal, maxBytes },
    (json) => json,
  );
};

const json = (text: string): Response =>
  new Response(text, { headers: { 'content-type': 'application/json' } });

const problem = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });

describe('callPeer', () => {
  it.each([
    [401, 'certificate_untrusted'],
    [403, 'grant_revoked'],
    [404, 'not_found'],
    [400, 'invalid_cursor'],
  ])('%s %s is a refusal with the peer’s code', async (status, code) => {
    expect(await call(() => problem(status, { code }))).toMatchObject({
      ok: false,
      error: { code: 'peer_refused', peerCode: code },
    });
  });

  it('429 keeps Retry-After, within bounds', async () => {
    const limited = (seconds: string) =>
      call(() => problem(429, { code: 'rate_limited' }, { 'retry-after': seconds }));
    expect(await limited('7')).toMatchObject({ error: { code: 'peer_refused', retryAfterSeconds: 7 } });
    expect(await limited('1e9')).toMatchObject({ error: { retryAfterSeconds: 86_400 } });
    expect(await limited('soon')).toMatchObject({ error: { retryAfterSeconds: null } });
  });

  it.each([
    ['500 with a code', () => problem(500, { code: 'internal' }), 'peer_unreachable'],
    ['503 with a code of a refusal', () => problem(503, { code: 'grant_revoked' }), 'peer_unreachable'],
    ['502 from a proxy', () => new Response('<h1>', { status: 502 }), 'peer_unreachable'],
    ['403 in HTML', () => new Response('grant_revoked', { status: 403 }), 'peer_protocol'],
    ['403 with an unknown code', () => problem(403, { code: 'toString' }), 'peer_protocol'],
    ['403 that is no object', () => problem(403, 'grant_revoked'), 'peer_protocol'],
    [
      'a redirect',
      () => new Response(null, { status: 307, headers: { location: 'https://x' } }),
      'peer_protocol',
    ],
    ['an answer that is not JSON', () => new Response('x'), 'peer_protocol'],
    ['broken JSON', () => json('{'), 'peer_protocol'],
    [
      'bytes that are not UTF-8',
      () => new Response(new Uint8Array([0xff]), { headers: { 'content-type': 'application/json' } }),
      'peer_unreachable',
    ],
    ['a refused address', () => Promise.reject(new MosaicError('address_refused')), 'address_refused'],
    ['a reset', () => Promise.reject(new TypeError('fetch failed')), 'peer_unreachable'],
    [
      'an exception with a code of a refusal',
      () => Promise.reject(new MosaicError('grant_revoked')),
      'peer_unreachable',
    ],
  ])('X-56 %s is no decision', async (_what, answer, code) => {
    const result = await call(answer);
    expect(result).toMatchObject({ ok: false, error: { code } });
  });

  it('X-61 a bomb of JSON reaches no parser, in an answer or in a refusal', async () => {
    const parsed = vi.spyOn(JSON, 'parse');
    const bomb = `[${'[],'.repeat(200_000)}[]]`;
    const signal = AbortSignal.timeout(5_000);
    expect(await call(() => json(bomb), signal, 1_000_000)).toMatchObject({
      error: { code: 'peer_protocol' },
    });
    const refusal = new Response('['.repeat(60_000), {
      status: 403,
      headers: { 'content-type': 'application/problem+json' },
    });
    expect(await call(() => refusal)).toMatchObject({ error: { code: 'peer_protocol', peerCode: null } });
    expect(parsed).not.toHaveBeenCalled();
  });

  it('shows nothing of what the peer wrote', async () => {
    const result = await call(() =>
      problem(403, { code: 'grant_revoked', detail: 'canary', title: 'canary' }),
    );
    expect(JSON.stringify(result)).not.toContain('canary');
  });

  it('stops reading an answer that is too large, whatever it says of its length', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(400).fill(0x20));
      },
    });
    const result = await call(
      () => new Response(endless, { headers: { 'content-type': 'application/json', 'content-length': '2' } }),
    );
    expect(result).toMatchObject({ error: { code: 'peer_protocol', tooLarge: true } });
    expect(pulled).toBeLessThan(6);
  });

  it('ends at the deadline, also while a body trickles in, and when the client ignores the signal', async () => {
    const trickle = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
    const answers = [
      () => new Response(trickle, { headers: { 'content-type': 'application/json' } }),
      () => new Promise<Response>(() => undefined),
    ];
    for (const answer of answers) {
      expect(await call(answer, AbortSignal.timeout(20))).toMatchObject({ error: { code: 'peer_timeout' } });
    }
  });
});
