import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opensslCsr } from '../../ca/testing/openssl.testkit.ts';
import { pemToDer } from '../../ca/x509/pem.ts';
import { MosaicError } from '../../domain/errors.ts';
import { OVERLAP_MS } from '../../domain/peers/reissue.ts';
import { drainRevocations } from '../../src/inbound/revocation/revocation.ts';
import { startGateway, type Answer, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, seedRows, type EnrolledPeer } from '../testing/peer.testkit.ts';

const tasks = { resources: ['tasks'], max_rows_per_query: 100 };

const derOf = (answer: Answer): Uint8Array => {
  const der = pemToDer(answer.body.certificate, 'CERTIFICATE');
  if (!der.ok) throw new Error(`${answer.status} ${answer.text}`);
  return der.value;
};

describe('renewal of a peer’s certificate', () => {
  let gateway: Gateway;
  let now = Date.now();
  let issueFault: Error | null = null;
  let beforeIssued: (() => Promise<void>) | null = null;

  beforeAll(async () => {
    gateway = await startGateway(({ ca }) => ({
      clock: { now: () => new Date(now) },
      ca: {
        ...ca,
        issue: async (request) => {
          if (issueFault !== null) throw issueFault;
          const issued = await ca.issue(request);
          await beforeIssued?.();
          return issued;
        },
      },
    }));
    const alice = await gateway.user('alice');
    await seedRows(gateway, 'tasks', alice.id, 3);
    await gateway.user('bob');
  });
  afterAll(() => gateway.close());

  const post = (der: Uint8Array, path: string, body?: unknown): Promise<Answer> =>
    gateway.ask(der, `/federation/v1${path}`, {
      method: 'POST',
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const renew = async (der: Uint8Array, csr?: string): Promise<Answer> =>
    post(der, '/renew', { csr: csr ?? (await gateway.newCsr()) });
  const list = (der: Uint8Array): Promise<Answer> => gateway.ask(der, '/federation/v1/tasks');
  const enroll = (): Promise<EnrolledPeer> => enrolledPeer(gateway, 'alice', tasks);
  const certificates = (grantId: string) =>
    gateway.sql('select * from issued_certificates where grant_id = $1 order by created_at, id', [grantId]);

  it('M6-5 gives a certificate for the same grant and subject; both work until it is confirmed and in the overlap', async () => {
    const peer = await enroll();
    const answer = await renew(peer.der);
    expect(answer.status).toBe(201);
    const next = derOf(answer);
    expect((await certificates(peer.grantId)).map(({ status }) => status)).toEqual(['issued', 'issued']);
    for (const der of [peer.der, next]) expect((await list(der)).body.items).toHaveLength(3);
    expect((await post(next, '/renew/confirm')).text).toMatch(/"superseded_until":"\d{4}-/);
    for (const der of [peer.der, next]) expect((await list(der)).status).toBe(200);
    now += OVERLAP_MS;
    expect(await gateway.deps.storage.stores.certificates.revokeSuperseded(new Date(now))).toBe(1);
    expect([(await list(peer.der)).body.code, (await list(next)).status]).toEqual([
      'certificate_revoked',
      200,
    ]);
    expect(await drainRevocations(gateway.deps)).toBe(1);
  });

  it('a superseded certificate ends at its time, also while nobody sweeps: it reads nothing and renews nothing', async () => {
    const peer = await enroll();
    const next = derOf(await renew(peer.der));
    await post(next, '/renew/confirm');
    expect((await list(peer.der)).status).toBe(200);
    await gateway.sql(
      `update issued_certificates set revoke_at = now() - interval '1 s' where grant_id = $1 and revoke_at is not null`,
      [peer.grantId],
    );
    const refused = [
      list(peer.der),
      gateway.ask(peer.der, '/federation/v1/capabilities'),
      gateway.ask(peer.der, '/federation/v1/search?q=row'),
      renew(peer.der),
      post(peer.der, '/renew/confirm'),
    ];
    for (const { status, body } of await Promise.all(refused))
      expect([status, body.code]).toEqual([403, 'certificate_revoked']);
    expect((await list(next)).body.items).toHaveLength(3);
  });

  it('is idempotent: the same CSR gives the same certificate, 100 at once exactly one', async () => {
    const peer = await enroll();
    const csr = await gateway.newCsr();
    const answers = await Promise.all(Array.from({ length: 100 }, () => renew(peer.der, csr)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.certificate)).size).toBe(1);
    expect((await certificates(peer.grantId)).map(({ status }) => status)).toEqual(['issued', 'issued']);
  });

  it('100 concurrent renewals with as many keys: a few certificates, the rest is refused', async () => {
    const peer = await enroll();
    const answers = await Promise.all(Array.from({ length: 100 }, () => renew(peer.der)));
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThanOrEqual(1);
    expect(made.length).toBeLessThanOrEqual(2);
    for (const { status, body } of answers)
      if (status !== 201) expect([status, body.code]).toEqual([409, 'renewal_refused']);
  });

  it('takes nothing of a CSR but its key: foreign names and extensions are not in the certificate', async () => {
    const victim = await enroll();
    const peer = await enroll();
    const { csrPem: csr } = await opensslCsr(
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      [
        '-subj',
        `/CN=${victim.grantId}`,
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-addext',
        `1.3.6.1.4.1.99999.1=ASN1:UTF8String:${victim.grantId}`,
        '-addext',
        'subjectAltName=DNS:intruder.example',
      ],
    );
    const answer = await renew(peer.der, csr);
    expect(answer.status).toBe(201);
    const der = derOf(answer);
    const text = new TextDecoder('latin1').decode(der);
    expect(text).toContain(peer.grantId);
    expect(text).not.toContain(victim.grantId);
    expect((await list(der)).status).toBe(200);
  });

  it('refuses the key of the certificate itself, of an older one and of another grant', async () => {
    const { grant, token } = await gateway.grant('alice', tasks);
    const csr = await gateway.newCsr();
    const first = derOf(await gateway.redeem({ token, csr }));
    expect((await renew(first, csr)).body.code).toBe('invalid_csr');
    const other = await enroll();
    expect((await renew(other.der, csr)).body.code).toBe('invalid_csr');
    const next = derOf(await renew(first));
    expect((await renew(next, csr)).body.code).toBe('invalid_csr');
    expect(await certificates(grant.id)).toHaveLength(2);
  });

  it('a superseded, an expired and a foreign certificate renew nothing', async () => {
    const peer = await enroll();
    const next = derOf(await renew(peer.der));
    expect((await post(next, '/renew/confirm')).status).toBe(200);
    expect((await renew(peer.der)).body.code).toBe('certificate_revoked');
    expect((await post(peer.der, '/renew/confirm')).body.code).toBe('certificate_revoked');
    await gateway.sql(`delete from issued_certificates where grant_id = $1 and revoke_at is null`, [
      peer.grantId,
    ]);
    expect((await renew(next)).body.code).toBe('certificate_revoked');
    const late = await enroll();
    const before = now;
    now += 31 * 86_400_000;
    expect((await renew(late.der)).body.code).toBe('certificate_untrusted');
    now = before;
  });

  it('grant X’s certificate renews X and never Y', async () => {
    const [x, y] = [await enroll(), await enrolledPeer(gateway, 'bob', tasks)];
    const before = await certificates(y.grantId);
    const der = derOf(await renew(x.der));
    expect((await list(der)).body.items).toHaveLength(3);
    // A body that names another grant is not one of ours.
    const body = { csr: await gateway.newCsr(), grant_id: y.grantId };
    expect((await post(x.der, '/renew', body)).body.code).toBe('invalid_request');
    expect(await certificates(y.grantId)).toEqual(before);
  });

  it.each([
    ['revoked', 'grant_revoked'],
    ['expired', 'grant_expired'],
    ['pending', 'grant_pending'],
  ])('a grant that is %s renews nothing', async (status, code) => {
    const peer = await enroll();
    await gateway.sql(`update federation_grants set status = $2::grant_status where id = $1`, [
      peer.grantId,
      status,
    ]);
    expect((await renew(peer.der)).body.code).toBe(code);
    expect((await post(peer.der, '/renew/confirm')).body.code).toBe(code);
    expect(await certificates(peer.grantId)).toHaveLength(1);
  });

  it('a suspended peer renews nothing', async () => {
    const peer = await enroll();
    await gateway.sql(`update federation_peers set state = 'suspended' where id = $1`, [peer.peerId]);
    expect((await renew(peer.der)).body.code).toBe('forbidden');
    expect(await certificates(peer.grantId)).toHaveLength(1);
  });

  it.each(['the grant is revoked', 'the certificate is revoked'])(
    'when %s while the CA signs, the new certificate is revoked too',
    async (what) => {
      const peer = await enroll();
      beforeIssued = async () => {
        if (what === 'the grant is revoked')
          await gateway.admin(`/grants/${peer.grantId}/revoke`, { reason: 'race' });
        else
          await gateway.deps.storage.stores.certificates.revokeOfGrant(
            peer.grantId,
            'key_compromise',
            new Date(now),
          );
      };
      const answer = await renew(peer.der);
      beforeIssued = null;
      expect([answer.status, answer.body.code]).toEqual([
        403,
        what === 'the grant is revoked' ? 'grant_revoked' : 'certificate_revoked',
      ]);
      expect((await certificates(peer.grantId)).map(({ status }) => status)).toEqual(['revoked', 'revoked']);
      const open = await gateway.sql('select serial from revocation_outbox where done_at is null');
      expect(open).toEqual([]);
    },
  );

  it('when the CA is away nothing is issued, and the same CSR works afterwards', async () => {
    const peer = await enroll();
    const csr = await gateway.newCsr();
    issueFault = new MosaicError('ca_unavailable', { cause: new Error('connect ECONNREFUSED') });
    expect((await renew(peer.der, csr)).body.code).toBe('ca_unavailable');
    issueFault = null;
    expect((await list(peer.der)).status).toBe(200);
    expect((await renew(peer.der, csr)).status).toBe(201);
  });

  it('each attempt leaves one audit entry, verb renew, allowed or denied', async () => {
    const peer = await enroll();
    await renew(peer.der);
    await post(peer.der, '/renew', { csr: 'nonsense' });
    await post(peer.der, '/renew', {});
    await gateway.queue.flush();
    const rows = await gateway.sql(
      `select status, outcome, reason_code, query_hash from federation_audit_log where grant_id = $1 and verb = 'renew' order by status, reason_code`,
      [peer.grantId],
    );
    expect(rows.map(({ status, outcome, reason_code: code }) => [status, outcome, code])).toEqual([
      [201, 'allowed', null],
      [400, 'denied', 'invalid_csr'],
      [400, 'denied', 'invalid_request'],
    ]);
    for (const row of rows) expect(row['query_hash']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('counts against the rate limit, and needs a certificate', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks, { rate_limit_per_minute: 1 });
    expect((await renew(peer.der)).status).toBe(201);
    expect((await renew(peer.der)).status).toBe(429);
    const anonymous = await gateway.ask(null, '/federation/v1/renew', { method: 'POST' });
    expect(anonymous.body.code).toBe('certificate_required');
    expect((await gateway.ask(peer.der, '/federation/v1/renew')).status).toBe(429);
  });
});
