import type { IncomingMessage } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateAuthority } from '../../ca/authority.ts';
import { readCsr } from '../../ca/x509/csr.ts';
import { makeKeyMaker } from '../../ca/x509/request.ts';
import { MosaicError } from '../../domain/errors.ts';
import { makeTestDeps, type TestDeps } from '../deps.testkit.ts';
import { createAuthority } from '../runtimes/node/front.testkit.ts';
import { httpsServer, pinOf, type Watched } from '../runtimes/node/transport.testkit.ts';
import { buildEnrollmentUrl } from './enrollment-url.ts';
import { addPeer } from './peers.ts';

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
let server: Watched | undefined;

beforeAll(async () => {
  [deps, ca, rogue] = await Promise.all([makeTestDeps(), createAuthority(), createAuthority()]);
  const user = { id: deps.ids.uuid(), name: 'ann', isAdmin: false, createdAt: deps.clock.now() };
  await deps.storage.stores.users.insert(user);
});

afterEach(async () => {
  await server?.close();
  server = undefined;
});

afterAll(() => deps.close());

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
): Promise<MosaicError | null> => {
  const serve = async (request: IncomingMessage): Promise<string> => {
    const { csr } = JSON.parse(await readText(request)) as { readonly csr: string };
    return JSON.stringify(await twist(await answerFor(csr), csr));
  };
  server = await httpsServer(ca, (request, response) => {
    void serve(request).then((body) =>
      response.writeHead(201, { 'content-type': 'application/json' }).end(body),
    );
  });
  const principal = { userId: deps.ids.uuid(), isAdmin: true, access: 'write' } as const;
  const enrollmentUrl = buildEnrollmentUrl(server.url, TOKEN, await pinOf(ca));
  return addPeer(
    deps,
    { principal, traceId: 'a'.repeat(32) },
    { enrollmentUrl, user: 'ann', name: undefined },
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
    ['holds a certificate over another key', otherKey, 'not over our key'],
    ['brings another authority along', async (_answer, csr) => answerFor(csr, rogue), 'not the pinned one'],
    [
      'has a certificate of another authority under the pinned root',
      async (answer, csr) => ({ ...(await answerFor(csr, rogue)), ca: answer['ca'], chain: answer['ca'] }),
      'not signed link by link',
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
    expect(error?.detail).toContain('The token is spent');
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
