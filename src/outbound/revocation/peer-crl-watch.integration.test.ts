import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { crlExtension, entryWith, forgeCrl, reason } from '../../../ca/testing/crl.testkit.ts';
import { createForger } from '../../../ca/testing/forge.testkit.ts';
import { contextTag, TAG } from '../../../ca/x509/der.ts';
import { element, integerOfHex } from '../../../ca/x509/der-write.ts';
import { encodeIdentityExtension } from '../../../ca/x509/extension.ts';
import { OID } from '../../../ca/x509/oids.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../../domain/peers/identity.ts';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import { makeTestDeps, type TestDeps } from '../../app/deps.testkit.ts';
import { createListRounds, startListWatch } from './peer-crl-watch.ts';
import { fetchPeerCrl } from './peer-crl.ts';

/** Of the forger's leaves. */
const SERIAL = '2a';
const TIMEOUT_MS = 1_500;
const DAY_MS = 86_400_000;
type Forger = Awaited<ReturnType<typeof createForger>>;

let deps: TestDeps;
let userId: string;
let work: Forger;
let server: Server;
let served = 0;
let answer: (response: ServerResponse) => void;
const open = new Set<ServerResponse>();

const give = (der: Uint8Array, status = 200): void => {
  answer = (response) => void response.writeHead(status, { 'content-type': 'application/pkix-crl' }).end(der);
};
const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/pki/crl`;

beforeAll(async () => {
  deps = await makeTestDeps({ settings: { peerTimeoutMs: TIMEOUT_MS } });
  userId = crypto.randomUUID();
  await deps.storage.stores.users.insert({ id: userId, name: 'ann', isAdmin: false, createdAt: new Date() });
  work = await createForger('work');
  server = createServer((_request, response) => {
    served += 1;
    open.add(response);
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const response of open) response.destroy();
  open.clear();
  await deps.sql('delete from federation_peers');
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await deps.close();
});

const addPeer = async (over: Partial<Peer> = {}, crlUrl = address()): Promise<Peer> => {
  const leaf = await work.leaf([
    { oid: GRANT_ID_OID, value: encodeIdentityExtension(crypto.randomUUID()) },
    { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(crypto.randomUUID()) },
  ]);
  const id = crypto.randomUUID();
  const peer: Peer = {
    ...NEVER_ASKED,
    id,
    direction: 'outbound',
    name: `p-${id}`,
    state: 'active',
    createdAt: new Date(),
    localUserId: userId,
    federationUrl: 'https://work.example',
    caPem: work.rootPem,
    caFingerprint: null,
    clientCertPem: leaf.pem,
    clientKeyPemSealed: 'key',
    remoteGrantId: crypto.randomUUID(),
    remoteSubjectUserId: null,
    certificateNotAfter: null,
    lastSuccessAt: null,
    lastFailureAt: null,
    lastFailureCode: null,
    ...over,
  };
  await deps.storage.stores.peers.insert(peer);
  await deps.storage.stores.peerTrust.pin(id, { signingKey: null, crlUrl });
  return peer;
};
const stateOf = async ({ id }: Peer) => (await deps.storage.stores.peers.byId(id))?.state;
const alerts = (alert: string) => deps.logged.filter(({ fields }) => fields['alert'] === alert);
const round = (): Promise<void> => createListRounds(deps).round();

describe('a peer’s revocation list', () => {
  it('M6-7 with our serial, signed, in time and not older than before, makes the peer revoked', async () => {
    const peer = await addPeer();
    give(await work.crl({ number: 7n, serials: ['29', '2b'] }));
    await round();
    expect(await stateOf(peer)).toBe('active');
    give(await work.crl({ number: 8n, serials: ['29', SERIAL] }));
    await round();
    expect(await stateOf(peer)).toBe('revoked');
    expect(alerts('peer_revoked').at(-1)?.fields).toMatchObject({ peer_id: peer.id, learned_from: 'list' });
  });

  const cases: readonly (readonly [string, string, () => Promise<void>])[] = [
    [
      'has expired',
      'expired',
      async () =>
        give(
          await work.crl({
            number: 9n,
            serials: [SERIAL],
            madeAt: new Date(Date.now() - DAY_MS),
            lifetimeMs: DAY_MS / 2,
          }),
        ),
    ],
    [
      'is of tomorrow',
      'not_yet_valid',
      async () =>
        give(await work.crl({ number: 9n, serials: [SERIAL], madeAt: new Date(Date.now() + DAY_MS) })),
    ],
    [
      'somebody of the same name signed',
      'foreign',
      async () => give(await (await createForger('work')).crl({ number: 9n, serials: [SERIAL] })),
    ],
    [
      'another authority signed',
      'foreign',
      async () => give(await (await createForger('elsewhere')).crl({ number: 9n, serials: [SERIAL] })),
    ],
    [
      'was changed on its way',
      'foreign',
      async () => {
        const der = await work.crl({ number: 9n, serials: ['29'] });
        const at = der.findIndex(
          (_, index) => der[index] === 2 && der[index + 1] === 1 && der[index + 2] === 0x29,
        );
        der[at + 2] = 0x2a;
        give(der);
      },
    ],
    ['is no list', 'no_list', async () => give(new TextEncoder().encode('<html>502 Bad Gateway</html>'))],
    [
      'comes with a 502',
      'not_served',
      async () => give(await work.crl({ number: 9n, serials: [SERIAL] }), 502),
    ],
    [
      'is larger than any list is',
      'too_large',
      async () => {
        const body = new Uint8Array(9 * 1024 * 1024);
        answer = (response) => void response.writeHead(200).end(body);
      },
    ],
  ];
  it.each(cases)('X-56 that %s says nothing: %s', async (_what, fault, serve) => {
    const peer = await addPeer();
    await serve();
    expect(await fetchPeerCrl(deps, peer)).toEqual({ ok: false, error: fault });
    await round();
    expect(await stateOf(peer)).toBe('active');
    expect((await deps.storage.stores.peerTrust.get(peer.id)).crlNumber).toBeNull();
    expect(deps.logged.at(-1)).toMatchObject({ level: 'warn', fields: { fault } });
  });

  const ours = [entryWith(SERIAL, reason(1))];
  const critical = (name: string) => [crlExtension(name, integerOfHex('1'), true)];
  const notUnderstood: readonly (readonly [string, Parameters<typeof forgeCrl>[1]])[] = [
    ['is a delta list', { entries: ours, extensions: critical(OID.deltaCrlIndicator) }],
    ['has an unknown critical extension', { entries: ours, extensions: critical('1.3.6.1.4.1.99999.7') }],
    [
      'is an indirect list',
      {
        entries: ours,
        extensions: [
          crlExtension(
            OID.issuingDistributionPoint,
            element(TAG.sequence, element(0x84, Uint8Array.of(0xff))),
            true,
          ),
        ],
      },
    ],
    [
      'has an entry of another issuer',
      {
        entries: [
          entryWith(
            SERIAL,
            crlExtension(OID.certificateIssuer, element(TAG.sequence, element(contextTag(4))), true),
          ),
        ],
      },
    ],
  ];
  it.each(notUnderstood)('F-38 that %s says nothing', async (_what, list) => {
    const peer = await addPeer();
    give(await forgeCrl(work.crlIssuer, list));
    expect(await fetchPeerCrl(deps, peer)).toEqual({ ok: false, error: 'not_supported' });
    await round();
    expect(await stateOf(peer)).toBe('active');
    expect(deps.logged.at(-1)).toMatchObject({ level: 'warn', fields: { fault: 'not_supported' } });
  });

  it('F-38 that puts our certificate on hold is no revocation; one that follows the hold is', async () => {
    const peer = await addPeer();
    give(await forgeCrl(work.crlIssuer, { number: 9n, entries: [entryWith(SERIAL, reason(6))] }));
    await round();
    expect(await stateOf(peer)).toBe('active');
    give(await forgeCrl(work.crlIssuer, { number: 10n, entries: [entryWith(SERIAL, reason(1))] }));
    await round();
    expect(await stateOf(peer)).toBe('revoked');
  });

  const bombs: readonly (readonly [string, () => Uint8Array])[] = [
    [
      'an object identifier of 512 KB',
      () =>
        element(TAG.sequence, element(TAG.sequence, element(TAG.oid, new Uint8Array(512 * 1024).fill(0xff)))),
    ],
    [
      'four million elements',
      () => {
        const nulls = new Uint8Array(8 * 1024 * 1024 - 64);
        for (let at = 0; at < nulls.length; at += 2) nulls[at] = TAG.nul;
        return element(TAG.sequence, element(TAG.sequence, nulls));
      },
    ],
  ];
  it.each(bombs)('F-1 of %s, signed by nobody, holds nobody up', async (_what, make) => {
    const peer = await addPeer();
    give(make());
    const from = performance.now();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    expect(await fetchPeerCrl(deps, peer)).toEqual({ ok: false, error: 'no_list' });
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(1_000);
    expect(performance.now() - from).toBeLessThan(10 * TIMEOUT_MS);
  });

  it('F-1 with a number of two million octets, rightly signed, is refused and asked for no more often', async () => {
    const peer = await addPeer();
    give(await forgeCrl(work.crlIssuer, { number: 1n << 16_000_000n, entries: ours }));
    await round();
    expect(await stateOf(peer)).toBe('active');
    expect((await deps.storage.stores.peerTrust.get(peer.id)).crlNumber).toBeNull();
    // The largest number that the database keeps.
    give(await forgeCrl(work.crlIssuer, { number: 10n ** 48n - 1n, entries: ours }));
    await round();
    expect(await stateOf(peer)).toBe('revoked');
  });

  it('X-53 that is older than one seen before is not used, and raises peer_list_older', async () => {
    const peer = await addPeer();
    give(await work.crl({ number: 20n }));
    await round();
    const before = alerts('peer_list_older').length;
    give(await work.crl({ number: 19n, serials: [SERIAL] }));
    await round();
    expect(await stateOf(peer)).toBe('active');
    expect(alerts('peer_list_older').slice(before)).toMatchObject([
      { level: 'error', fields: { peer_id: peer.id } },
    ]);
    expect(await fetchPeerCrl(deps, peer)).toEqual({ ok: false, error: 'older' });
    expect((await deps.storage.stores.peerTrust.get(peer.id)).crlNumber).toBe(20n);
    // The same one once more is no older one.
    give(await work.crl({ number: 20n, serials: [SERIAL] }));
    await round();
    expect(await stateOf(peer)).toBe('revoked');
  });

  const hangs: readonly (readonly [string, (response: ServerResponse) => void])[] = [
    ['before it says anything', () => undefined],
    ['after the head', (response) => response.writeHead(200).flushHeaders()],
    [
      'byte by byte',
      (response: ServerResponse) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write('0'), TIMEOUT_MS / 4);
        response.on('close', () => clearInterval(timer));
      },
    ],
    ['in a reset', (response: ServerResponse) => void response.socket?.resetAndDestroy()],
  ];
  it.each(hangs)(
    'X-56 X-71 a server that hangs %s says nothing, and holds up no other list',
    async (_what, hang) => {
      const other = await addPeer({}, `${address()}?other`);
      // Newer, so that they are asked first.
      const [hanging] = [await addPeer(), await addPeer({}, `${address()}?one-more`)];
      const list = await work.crl({ number: 30n, serials: [SERIAL] });
      answer = (response) => {
        if (response.req.url?.endsWith('other') === true) response.end(list);
        else hang(response);
      };
      served = 0;
      const from = performance.now();
      const reading = round();
      await expect.poll(() => served, { timeout: TIMEOUT_MS, interval: 10 }).toBeGreaterThanOrEqual(3);
      await expect.poll(() => stateOf(other), { interval: 10 }).toBe('revoked');
      await reading;
      expect(await stateOf(hanging)).toBe('active');
      // Bounded by the peer's timeout, not by the server.
      expect(performance.now() - from).toBeLessThan(10 * TIMEOUT_MS);
    },
  );

  it('a certificate that was renewed meanwhile is not taken for the revoked one', async () => {
    const peer = await addPeer();
    const list = await work.crl({ number: 40n, serials: [SERIAL] });
    answer = (response) => {
      void deps
        .sql(`update federation_peers set client_cert_pem = 'renewed' where id = $1`, [peer.id])
        .then(() => response.end(list));
    };
    await round();
    expect(await stateOf(peer)).toBe('active');
  });
});

describe('the watch over peers’ lists', () => {
  it('asks once for all peers of one gateway, and for none that is revoked, suspended or pending', async () => {
    const peers = [];
    for (const over of [{}, {}, { state: 'degraded' }, { state: 'suspended' }, { state: 'pending' }] as const)
      peers.push(await addPeer(over));
    give(await work.crl({ number: 50n, serials: [SERIAL] }));
    served = 0;
    await round();
    expect(served).toBe(1);
    expect(await Promise.all(peers.map(stateOf))).toEqual([
      'revoked',
      'revoked',
      'revoked',
      'suspended',
      'pending',
    ]);
    await round();
    expect(served).toBe(1);
  });

  it('M5-3 goes on by itself, although nobody asks the peer: what is cached ends with it', async () => {
    const peer = await addPeer();
    const { epochs } = deps.outbound;
    const mark = epochs.mark(peer);
    give(await work.crl({ number: 60n }));
    served = 0;
    const watch = startListWatch(deps, 20);
    try {
      await expect.poll(() => served).toBeGreaterThan(2);
      expect([epochs.isCurrent(mark), await stateOf(peer)]).toEqual([true, 'active']);
      give(await work.crl({ number: 61n, serials: [SERIAL] }));
      await expect.poll(() => stateOf(peer)).toBe('revoked');
      expect(epochs.isCurrent(mark)).toBe(false);
    } finally {
      await watch.stop();
    }
  });

  it('stops at once, whatever hangs', async () => {
    await addPeer();
    answer = () => undefined;
    served = 0;
    const watch = startListWatch(deps, 20);
    await expect.poll(() => served).toBe(1);
    const from = performance.now();
    await watch.stop();
    expect(performance.now() - from).toBeLessThan(TIMEOUT_MS / 2);
  });
});
