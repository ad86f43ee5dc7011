import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../../domain/errors.ts';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import type { Sealer } from '../../../domain/ports/basics.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { PeerClient, PeerCredentials, PeerTransport } from '../../app/deps.ts';
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
  let stored: Peer | null = peerWith({});
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
  const load = async (id: string): Promise<Peer | null> => {
    events.push(`read ${id}`);
    return stored;
  };
  const clients = createPeerClients({ transport: transport as PeerTransport, sealer, load, retireMs });
  /** As the database's trigger does it: the epoch rises with every change. */
  const change = (over: Partial<Peer> | null): Peer => {
    const before = stored ?? peerWith({});
    const after = { ...before, ...over, cacheEpoch: before.cacheEpoch + 1 };
    stored = over === null ? null : after;
    return after;
  };
  return { events, clients, change };
};

describe('PeerClients', () => {
  it('unseals the key and connects once for concurrent and later calls', async () => {
    const { events, clients } = build();
    const [a, b] = await Promise.all([clients.use(peerWith({})), clients.use(peerWith({}))]);
    expect(await clients.use(peerWith({ lastSuccessAt: new Date() }))).toBe(a);
    expect(b).toBe(a);
    expect(events).toEqual(['read peer-1', 'open federation_peers/peer-1/client_key_pem', 'connect first']);
  });

  it('M6-5 swaps the client when the certificate changes, and closes the old one a while later', async () => {
    const { events, clients, change } = build();
    const old = await clients.use(peerWith({}));
    const renewed = change({ clientCertPem: 'second' });
    const [swapped, another] = await Promise.all([clients.use(renewed), clients.use(renewed)]);
    expect(swapped).not.toBe(old);
    expect(another).toBe(swapped);
    // Whoever read the row before the change gets the new one too.
    expect(await clients.use(peerWith({}))).toBe(swapped);
    expect(events.filter((event) => event.startsWith('connect'))).toEqual([
      'connect first',
      'connect second',
    ]);
    expect(events).not.toContain('close first');
    await expect.poll(() => events).toContain('close first');
    expect(events).not.toContain('close second');
  });

  it('goes on with the connections it has when the epoch rises for another reason', async () => {
    const { events, clients, change } = build();
    const old = await clients.use(peerWith({}));
    expect(await clients.use(change({ remoteGrantVersion: 2 }))).toBe(old);
    expect(await clients.use(change({ clientCertPem: 'second' }))).not.toBe(old);
    await expect.poll(() => events).toContain('close first');
    expect(events.filter((event) => event.startsWith('close'))).toEqual(['close first']);
  });

  it('closes what was swapped a moment ago, at shutdown, once and at once', async () => {
    const { events, clients, change } = build(undefined, 3_600_000);
    await clients.use(peerWith({}));
    await clients.use(change({ clientCertPem: 'second' }));
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

  it('does not keep a failure to swap either, and closes what was before', async () => {
    let works = true;
    const { events, clients, change } = build(async () => {
      if (!works) throw new MosaicError('internal');
      return new Uint8Array();
    });
    await clients.use(peerWith({}));
    works = false;
    const renewed = change({ clientCertPem: 'second' });
    await expect(clients.use(renewed)).rejects.toMatchObject({ code: 'internal' });
    works = true;
    await expect(clients.use(renewed)).resolves.toBeDefined();
    await expect.poll(() => events).toContain('close first');
    expect(events.filter((event) => event.startsWith('connect'))).toEqual([
      'connect first',
      'connect second',
    ]);
  });

  it.each([
    ['whose enrollment is incomplete', { clientKeyPemSealed: null }],
    ['that is not there any more', null],
  ])('refuses a peer %s', async (_what, over) => {
    const { clients, change } = build();
    await expect(clients.use(change(over))).rejects.toMatchObject({ code: 'peer_unreachable' });
  });
});
