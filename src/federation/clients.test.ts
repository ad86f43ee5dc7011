import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import { NEVER_ASKED } from '../../domain/peers/peer.ts';
import type { Sealer } from '../../domain/ports/basics.ts';
import type { Peer } from '../../domain/ports/federation.ts';
import type { PeerClient, PeerCredentials, PeerTransport } from '../deps.ts';
import { createPeerClients } from './clients.ts';

const peerWith = (over: Partial<Peer>): Peer => ({
  id: 'peer-1',
  direction: 'outbound',
  name: 'work',
  state: 'active',
  createdAt: new Date(0),
  localUserId: 'ann',
  federationUrl: 'https://peer.example',
  caPem: 'ca',
  caFingerprint: null,
  clientCertPem: 'first',
  clientKeyPemSealed: 'sealed',
  remoteGrantId: null,
  remoteSubjectUserId: null,
  certificateNotAfter: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  lastFailureCode: null,
  ...NEVER_ASKED,
  ...over,
});

const build = (
  opens: () => Promise<Uint8Array> = async () => new TextEncoder().encode('key'),
  retireMs = 10,
) => {
  const events: string[] = [];
  const transport: Pick<PeerTransport, 'connect'> = {
    connect: ({ certPem }: PeerCredentials): PeerClient => {
      events.push(`connect ${certPem}`);
      return { fetch: async () => new Response(), close: async () => void events.push(`close ${certPem}`) };
    },
  };
  const sealer: Sealer = {
    seal: async () => '',
    currentKeyId: () => 'key',
    open: (_sealed, identity) => {
      events.push(`open ${identity}`);
      return opens();
    },
  };
  return { events, clients: createPeerClients(transport as PeerTransport, sealer, retireMs) };
};

describe('PeerClients', () => {
  it('unseals the key and connects once for concurrent and later calls', async () => {
    const { events, clients } = build();
    const [a, b] = await Promise.all([clients.use(peerWith({})), clients.use(peerWith({}))]);
    expect(await clients.use(peerWith({ lastSuccessAt: new Date() }))).toBe(a);
    expect(b).toBe(a);
    expect(events).toEqual(['open federation_peers/peer-1/client_key_pem', 'connect first']);
  });

  it('M6-5 swaps the client when the certificate changes, and closes the old one a while later', async () => {
    const { events, clients } = build();
    const old = await clients.use(peerWith({}));
    expect(await clients.use(peerWith({ clientCertPem: 'second' }))).not.toBe(old);
    expect(events).not.toContain('close first');
    await expect.poll(() => events).toContain('close first');
    expect(events).not.toContain('close second');
  });

  it('closes what was swapped a moment ago, at shutdown, once and at once', async () => {
    const { events, clients } = build(undefined, 3_600_000);
    await clients.use(peerWith({}));
    await clients.use(peerWith({ clientCertPem: 'second' }));
    await clients.closeAll();
    expect(events.filter((event) => event.startsWith('close')).toSorted()).toEqual([
      'close first',
      'close second',
    ]);
  });

  it('closes on request, and opens again afterwards', async () => {
    const { events, clients } = build();
    await clients.use(peerWith({}));
    await clients.close('peer-1');
    await clients.close('unknown');
    await clients.use(peerWith({}));
    await clients.closeAll();
    expect(events.filter((event) => event.startsWith('close'))).toEqual(['close first', 'close first']);
  });

  it('does not keep a failure', async () => {
    let works = false;
    const { clients } = build(async () => {
      if (!works) throw new MosaicError('internal');
      return new Uint8Array();
    });
    await expect(clients.use(peerWith({}))).rejects.toMatchObject({ code: 'internal' });
    works = true;
    await expect(clients.use(peerWith({}))).resolves.toBeDefined();
  });

  it('refuses a peer whose enrollment is incomplete', async () => {
    const { clients } = build();
    await expect(clients.use(peerWith({ clientKeyPemSealed: null }))).rejects.toMatchObject({
      code: 'peer_unreachable',
    });
  });
});
