import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createForger } from '../../../../ca/testing/forge.testkit.ts';
import { createTestSealer } from '../../../../ca/testing/memory.testkit.ts';
import { OID } from '../../../../ca/x509/oids.ts';
import { toProblem, type Problem } from '../../../../domain/errors.ts';
import type { Sealer } from '../../../../domain/ports/basics.ts';
import type { Peer } from '../../../../domain/ports/peers.ts';
import { callPeer } from '../../../outbound/client/call.ts';
import { createPeerClients } from '../../../outbound/client/clients.ts';
import { failureToError, type PeerFailure } from '../../../outbound/client/failure.ts';
import { failedReport, noticesOf } from '../../../outbound/query/query-report.ts';
import { createNodeTransport, type NodeTransport } from '../peer-transport/transport.ts';
import { httpsServer } from '../peer-transport/transport.testkit.ts';
import { ask, startFront, type FrontUnderTest } from '../front/front.testkit.ts';

const HOUR = 3_600_000;
const inHours = (hours: number): Date => new Date(Date.now() + hours * HOUR);
const PATH = '/federation/v1/capabilities';
type Forger = Awaited<ReturnType<typeof createForger>>;

let under: FrontUnderTest;
let forger: Forger;
let transport: NodeTransport;
let sealer: Sealer;

beforeAll(async () => {
  [under, forger, sealer] = await Promise.all([startFront(), createForger('of both'), createTestSealer()]);
  // The front trusts the forger, so that its certificates have the one fault under test.
  const { certificate, key, crl } = under.keeper.current();
  under.front.replace({ certificate, key, crl, root: forger.rootPem });
  transport = createNodeTransport({
    allowPrivateAddresses: true,
    allowLoopbackHttp: false,
    timeoutMs: 10_000,
  });
});
afterAll(async () => {
  await transport.close();
  under.keeper.stop();
  await under.front.stop(1_000);
});

const ROW: Peer = {
  id: crypto.randomUUID(),
  direction: 'outbound',
  name: 'work',
  state: 'active',
  createdAt: new Date(),
  localUserId: crypto.randomUUID(),
  federationUrl: 'https://127.0.0.1',
  caPem: null,
  caFingerprint: null,
  clientCertPem: null,
  clientKeyPemSealed: 'sealed',
  remoteGrantId: null,
  remoteSubjectUserId: null,
  certificateNotAfter: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  lastFailureCode: null,
  cacheEpoch: 0,
  remoteGrantVersion: null,
  outages: 0,
};

/** What a peer is asked with, as a gateway makes it of the peer's row. */
const clientOf = (root: string, cert: { pem: string; keyPem: string }, notAfter: Date) =>
  createPeerClients({
    transport,
    sealer: { ...sealer, open: async () => new TextEncoder().encode(cert.keyPem) },
    load: async () => ({ ...ROW, caPem: root, clientCertPem: cert.pem, certificateNotAfter: notAfter }),
  }).use(ROW);

const failureOf = async (
  url: string,
  client: Awaited<ReturnType<typeof clientOf>>,
  clock = 0,
): Promise<PeerFailure> => {
  const signal = AbortSignal.timeout(10_000);
  const now = (): Date => inHours(clock);
  const result = await callPeer({ client, url, traceparent: 't', maxBytes: 1_000, signal, now }, () => null);
  if (result.ok) throw new Error('expected a failure');
  return result.error;
};

const problemOf = (failure: PeerFailure): Problem => toProblem(failureToError('federated:work', failure));

describe('F-56 a client certificate that is out of time', () => {
  const times = {
    expired: { notBefore: inHours(-48), notAfter: inHours(-24) },
    future: { notBefore: inHours(1), notAfter: inHours(24) },
  };

  it.each([
    ['expired', 'The certificate has expired.', /enroll again/],
    ['future', 'The certificate is not valid yet.', /Compare the clocks/],
  ] as const)('%s: the front says so, and what to do', async (which, detail, remedy) => {
    const { pem, keyPem } = await forger.leaf([], times[which]);
    const answer = await ask(under, PATH, { cert: pem, key: keyPem });
    expect(answer.status).toBe(401);
    const problem = JSON.parse(answer.body) as Problem;
    expect([problem.code, problem.detail]).toEqual(['certificate_untrusted', detail]);
    expect(problem.remedy).toMatch(remedy);
    expect(under.handled).toEqual([]);
  });

  const refused = async (which: keyof typeof times, clock = 0): Promise<PeerFailure> => {
    const client = await clientOf(under.root, await forger.leaf([], times[which]), times[which].notAfter);
    return failureOf(`https://127.0.0.1:${under.port}${PATH}`, client, clock);
  };

  it('expired: home names the end, and that it has to enroll again', async () => {
    const failure = await refused('expired');
    expect(failure).toMatchObject({ code: 'peer_refused', peerCode: 'certificate_untrusted' });
    const { detail, remedy } = problemOf(failure);
    expect(detail).toContain(`ended on ${times.expired.notAfter.toISOString().slice(0, 13)}`);
    expect(remedy).toMatch(/^Enroll again/);
  });

  it('not valid yet, work’s clock two hours behind: home names the clocks', async () => {
    const failure = await refused('future', 2);
    const { detail, remedy } = problemOf(failure);
    expect(detail).toMatch(/not valid yet\. The peer’s clock is about 2 hours behind this gateway’s\./);
    expect(remedy).toMatch(/^Set both clocks right/);
    // Whoever asked with source= or for all reads the same.
    const [notice] = noticesOf([{ name: 'federated:work', failure }]);
    for (const said of [notice, failedReport(failure, 1, new Date())])
      expect(said?.message).toMatch(/2 hours behind this gateway’s\. Set both clocks right/);
  });
});

describe('F-56 a server certificate that is out of time', () => {
  it.each([
    [
      'expired',
      { notBefore: inHours(-48), notAfter: inHours(-2) },
      'server_certificate_expired',
      /has expired/,
      /must renew/,
    ],
    [
      'of the future',
      { notBefore: inHours(2), notAfter: inHours(48) },
      'server_certificate_not_yet_valid',
      /not valid yet/,
      /^Compare the clocks/,
    ],
  ])('%s: home names its clock and the cure, and sends nothing', async (_what, times, reason, said, cure) => {
    const { pem, keyPem } = await forger.leaf([], { ...times, purpose: OID.serverAuth });
    const server = await httpsServer(under.ca, (_request, response) => void response.end('{}'), {
      cert: pem,
      key: keyPem,
    });
    const mine = await forger.leaf([]);
    const client = await clientOf(forger.rootPem, mine, inHours(24));
    const failure = await failureOf(`${server.url}${PATH}`, client);
    await server.close();
    expect(failure).toMatchObject({ code: 'peer_unreachable', peerCode: null, reason });
    const { detail, remedy } = problemOf(failure);
    expect(detail).toMatch(said);
    expect(detail).toContain('By this gateway’s clock');
    expect(remedy).toMatch(cure);
    expect(server.seen).toMatchObject({ requests: 0, octets: 0 });
  });
});
