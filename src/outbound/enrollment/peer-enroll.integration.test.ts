import type { IncomingMessage } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateAuthority } from '../../../ca/authority.ts';
import { readCsr } from '../../../ca/x509/csr.ts';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { makeTestDeps, type TestDeps } from '../../app/deps.testkit.ts';
import { createAuthority } from '../../runtimes/node/front/front.testkit.ts';
import { httpsServer, pinOf, type Watched } from '../../runtimes/node/peer-transport/transport.testkit.ts';
import { buildEnrollmentUrl } from '../../protocol/enrollment-url.ts';
import { addPeer } from '../peers/peer-add.ts';
import { peerByGrant } from '../peers/own-peers.ts';

/*
 * Serving gateways that answer a redemption wrongly, over real TLS. Each has the pinned authority; what is
 * wrong is the answer.
 */
const GRANT = 'aaaaaaaa-0000-4000-8000-000000000001';
const SUBJECT = 'aaaaaaaa-0000-4000-8000-000000000002';
const OTHER = 'aaaaaaaa-0000-4000-8000-000000000003';
const TOKEN = 'A'.repeat(43);

let deps: TestDeps;
let ca: CertificateAuthority;
let rogue: CertificateAuthority;
const servers: Watched[] = [];

beforeAll(async () => {
  [deps, ca, rogue] = await Promise.all([makeTestDeps(), createAuthority(), createAuthority()]);
  const user = { id: deps.ids.uuid(), name: 'ann', isAdmin: false, createdAt: deps.clock.now() };
  await deps.storage.stores.users.insert(user);
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

afterAll(() => deps.close());

const askedPeer = {
  id: GRANT,
  name: 'work',
  state: 'active',
  localUserId: SUBJECT,
  federationUrl: 'https://127.0.0.1:9',
  cacheEpoch: 0,
  remoteGrantVersion: null,
  outages: 0,
} as const;

type Answer = Readonly<Record<string, unknown>>;

const answerFor = async (csrPem: string, authority: CertificateAuthority = ca): Promise<Answer> => {
  const csr = await readCsr(csrPem);
  if (!csr.ok) throw new Error(csr.error);
  const now = new Date();
  const issued = await authority.issue({
    profile: { kind: 'peer-client', grantId: GRANT, subjectUserId: SUBJECT },
    csr: csr.value.der,
    notBefore: now,
    notAfter: new Date(now.getTime() + 3_600_000),
  });
  return {
    grant_id: GRANT,
    subject_user_id: SUBJECT,
    gateway_name: 'work',
    federation_url: 'https://127.0.0.1:9',
    certificate: issued.pem,
    chain: issued.chainPem,
    ca: await authority.rootPem(),
    not_after: issued.notAfter.toISOString(),
    scope: {},
  };
};

/** Enrolls with a server that answers what `twist` makes of the right answer. */
const enrollWith = async (
  twist: (answer: Answer, csr: string) => Answer | Promise<Answer>,
  authority: CertificateAuthority = ca,
  gatewayName?: string,
): Promise<MosaicError | null> => {
  const serve = async (request: IncomingMessage): Promise<string> => {
    const { csr } = JSON.parse(await readText(request)) as { readonly csr: string };
    return JSON.stringify(await twist(await answerFor(csr, authority), csr));
  };
  const listening = await httpsServer(authority, (request, response) => {
    // What is no redemption is somebody's who had this port before.
    if (request.method !== 'POST') {
      response.writeHead(404).end();
      return;
    }
    void serve(request).then((body) =>
      response.writeHead(201, { 'content-type': 'application/json' }).end(body),
    );
  });
  servers.push(listening);
  const principal = { userId: deps.ids.uuid(), isAdmin: true, access: 'write' } as const;
  const enrollmentUrl = buildEnrollmentUrl(listening.url, TOKEN, await pinOf(authority));
  return addPeer(
    deps,
    { principal, traceId: 'a'.repeat(32) },
    { enrollmentUrl, user: 'ann', name: gatewayName },
  ).then(
    () => null,
    (error: unknown) => {
      if (error instanceof MosaicError) return error;
      throw error;
    },
  );
};

const peers = async (): Promise<number> => (await deps.sql('select id from federation_peers')).length;

describe('an answer to a redemption', () => {
  const otherKey = async (): Promise<Answer> => answerFor((await makeKeyMaker().keyAndCsr()).csrPem);

  it.each<[string, (answer: Answer, csr: string) => Answer | Promise<Answer>, string]>([
    [
      'names another grant than its certificate',
      (answer) => ({ ...answer, grant_id: OTHER }),
      'another grant',
    ],
    [
      'names another subject than its certificate',
      (answer) => ({ ...answer, subject_user_id: OTHER }),
      'another subject',
    ],
    ['holds a certificate over another key', otherKey, 'does not hold the public key'],
    ['brings another authority along', async (_answer, csr) => answerFor(csr, rogue), 'not the pinned one'],
    [
      'has a certificate of another authority under the pinned root',
      async (answer, csr) => ({ ...(await answerFor(csr, rogue)), ca: answer['ca'], chain: answer['ca'] }),
      'is not signed by the one above it',
    ],
    [
      'has a chain that ends elsewhere',
      async (answer) => ({ ...answer, chain: await rogue.rootPem() }),
      'does not end at the pinned',
    ],
    ['has no chain', (answer) => ({ ...answer, chain: '\n' }), 'does not end at the pinned'],
    [
      'has a root for a certificate',
      (answer) => ({ ...answer, certificate: answer['ca'] }),
      'does not identify a grant',
    ],
    [
      'has two certificates in one',
      (answer) => ({ ...answer, certificate: `${String(answer['certificate'])}${String(answer['ca'])}` }),
      'not readable',
    ],
    [
      'sends its peers over plain HTTP',
      (answer) => ({ ...answer, federation_url: 'http://127.0.0.1:9' }),
      'not plain https',
    ],
    [
      'has a federation address with a user',
      (answer) => ({ ...answer, federation_url: 'https://u@127.0.0.1' }),
      'not plain https',
    ],
    [
      'has a federation address that is never right',
      (answer) => ({ ...answer, federation_url: 'https://0.0.0.0' }),
      'may not be called',
    ],
  ])('that %s is refused, and the error says that the token is spent', async (_what, twist, reason) => {
    const error = await enrollWith(twist);
    expect(error?.detail).toContain(reason);
    expect(error?.detail).toContain('is used up');
    expect(error?.detail).not.toContain(TOKEN);
    expect(await peers()).toBe(0);
  });

  it.each<[string, (answer: Answer) => Answer]>([
    ['a missing member', ({ ca: _ca, ...rest }) => rest],
    ['a member of another type', (answer) => ({ ...answer, chain: [answer['chain']] })],
    ['an id that is none', (answer) => ({ ...answer, grant_id: '../etc' })],
    ['too much of everything', (answer) => ({ ...answer, scope: 'x'.repeat(400_000) })],
  ])('with %s is refused', async (_what, twist) => {
    expect((await enrollWith(twist))?.code).toBe('peer_protocol');
    expect(await peers()).toBe(0);
  });

  it('that is right is kept even when the first call fails, which is told', async () => {
    expect(await enrollWith((answer) => answer)).toBeNull();
    const [row] = await deps.sql('select state, last_failure_code, client_key_pem from federation_peers');
    expect(row).toMatchObject({ state: 'active', last_failure_code: 'peer_unreachable' });
    expect(String(row?.['client_key_pem'])).not.toContain('PRIVATE');
  });
});

describe('F-7 a grant of one peer', () => {
  const counts = () =>
    deps.sql(`select (select count(*) from federation_peers)::int as peers,
      (select count(*) from federation_peer_trust)::int as trusted,
      (select count(*) from federation_audit_log where action = 'peer.add' and status = 201)::int as added`);
  const renamed = (answer: Answer): Answer => ({ ...answer, gateway_name: 'evil' });

  it('is not taken over by another one that claims its id, and nothing of the claim is stored', async () => {
    const [owner] = await deps.sql('select id, ca_fingerprint from federation_peers');
    const before = await counts();
    for (const name of [undefined, 'evil']) {
      const error = await enrollWith(renamed, rogue, name);
      expect(error?.code).toBe('grant_claimed');
      expect(error?.detail).toContain('is used up');
    }
    expect(await counts()).toEqual(before);
    const ann = (await deps.storage.stores.users.byName('ann'))?.id ?? '';
    const own = await deps.storage.stores.peers.ofUser(ann);
    expect(peerByGrant(own, GRANT).id).toBe(owner?.['id']);
  });

  it('is not taken over once it was revoked either: whoever still asks by its id asks the peer that had it', async () => {
    await deps.sql(`update federation_peers set state = 'revoked'`);
    expect((await enrollWith(renamed, rogue))?.code).toBe('grant_claimed');
    await deps.sql('delete from federation_peers');
    expect(await enrollWith((answer) => answer)).toBeNull();
  });

  it('goes to one of two that claim it at the same time', async () => {
    await deps.sql('delete from federation_peers');
    const claims = await Promise.all([
      enrollWith((answer) => answer),
      enrollWith(renamed, rogue),
      enrollWith(renamed, rogue, 'other'),
    ]);
    expect(claims.map((error) => error?.code ?? 'kept').toSorted()).toEqual([
      'grant_claimed',
      'grant_claimed',
      'kept',
    ]);
    expect(await peers()).toBe(1);
  });

  it('is asked of nobody when two peers hold its id all the same', () => {
    const peer = { ...askedPeer, remoteGrantId: GRANT };
    expect(() => peerByGrant([peer, { ...peer, id: OTHER, name: 'evil' }], GRANT)).toThrow(
      expect.objectContaining({ code: 'grant_claimed' }) as Error,
    );
    expect(() => peerByGrant([peer], OTHER)).toThrow(
      expect.objectContaining({ code: 'peer_unknown' }) as Error,
    );
  });
});
