import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opensslCsr } from '../../ca/testing/openssl.testkit.ts';
import { readIdentity } from '../../ca/x509/identity.ts';
import { pemToDer } from '../../ca/x509/pem.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../domain/peers/identity.ts';
import { parseEnrollmentUrl } from '../../src/protocol/enrollment-url.ts';
import { startGateway, unreachable, type Gateway } from '../testing/gateway.testkit.ts';

const PEM = 'CERTIFICATE';

describe('enrollment', () => {
  let gateway: Gateway;
  let alice: { id: string; name: string };
  let isCaAway = false;
  let holdCa: Promise<void> = Promise.resolve();
  let signed = 0;

  beforeAll(async () => {
    gateway = await startGateway(({ ca }) => ({
      ca: {
        kind: ca.kind,
        rootPem: () => ca.rootPem(),
        revoke: (...revocation) => ca.revoke(...revocation),
        crl: () => ca.crl(),
        issue: async (request) => {
          await new Promise((resolve) => setTimeout(resolve, 30));
          await holdCa;
          if (isCaAway) return unreachable();
          signed += 1;
          return ca.issue(request);
        },
      },
    }));
    alice = await gateway.user('alice');
  });
  afterAll(() => gateway.close());

  const certificates = (grantId: string) =>
    gateway.sql('select status, serial from issued_certificates where grant_id = $1', [grantId]);

  it('M2-1 grant create writes a pending row with its scope', async () => {
    const scope = {
      resources: ['tasks', 'notes'],
      filters: { notes: { include_personal: false } },
      max_rows_per_query: 7,
    };
    const { grant } = await gateway.grant('alice', scope);
    const [row] = await gateway.sql(
      'select status, scope, subject_user_id, version from federation_grants where id = $1',
      [grant.id],
    );
    expect(row).toMatchObject({
      status: 'pending',
      subject_user_id: alice.id,
      version: 1,
      scope: {
        resources: ['tasks', 'notes'],
        excluded_resources: [],
        filters: { notes: { include_teams: [], include_personal: false } },
        max_rows_per_query: 7,
      },
    });
    const [peer] = await gateway.sql('select state, direction from federation_peers where id = $1', [
      grant.peer.id,
    ]);
    expect(peer).toEqual({ state: 'pending', direction: 'inbound' });
  });

  it('M2-2 enrollment signs a CSR; both extensions are read back', async () => {
    const { grant, url, token } = await gateway.grant('alice');
    const answer = await gateway.redeem({ token, csr: await gateway.newCsr() });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      grant_id: grant.id,
      subject_user_id: alice.id,
      gateway_name: 'work',
      federation_url: 'https://work.example:8443',
      scope: grant.scope,
    });
    const der = pemToDer(answer.body.certificate, PEM);
    const identity = der.ok ? readIdentity(der.value) : der;
    expect(identity).toMatchObject({ ok: true, value: { grantId: grant.id, subjectUserId: alice.id } });
    const parsed = parseEnrollmentUrl(url, { allowLoopbackHttp: false });
    expect(parsed).toMatchObject({
      ok: true,
      value: { token, endpoint: 'https://work.example:8443/enrollment/v1/redeem' },
    });
    expect((await gateway.admin(`/grants/${grant.id}`)).body).toMatchObject({ status: 'active', version: 2 });
    const [peer] = await gateway.sql('select state from federation_peers where id = $1', [grant.peer.id]);
    expect(peer).toEqual({ state: 'active' });
    const entries = await gateway.audited((entry) => entry.grantId === grant.id);
    expect(entries.map(({ verb, action, outcome }) => [verb, action, outcome])).toEqual([
      ['enroll', 'grant.enroll', 'allowed'],
      ['admin', 'grant.create', 'allowed'],
    ]);
  });

  it('X-10 names and identity in a CSR never reach the certificate', async () => {
    const { grant, token } = await gateway.grant('alice');
    const foreign = [GRANT_ID_OID, SUBJECT_USER_ID_OID].map(
      (oid) => `${oid}=ASN1:UTF8String:${crypto.randomUUID()}`,
    );
    const { csrPem: csr } = await opensslCsr(
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      [
        '-subj',
        '/CN=root-admin/O=Elsewhere',
        ...['subjectAltName=DNS:root-admin.example', ...foreign].flatMap((line) => ['-addext', line]),
      ],
    );
    const answer = await gateway.redeem({ token, csr });
    expect(answer.status).toBe(201);
    const der = pemToDer(answer.body.certificate, PEM);
    if (!der.ok) throw new Error(der.error);
    expect(readIdentity(der.value)).toMatchObject({
      ok: true,
      value: { grantId: grant.id, subjectUserId: alice.id },
    });
    expect(new TextDecoder('latin1').decode(der.value)).not.toContain('root-admin');
  });

  it('M2-3 X-22 a second use is 410', async () => {
    const { token } = await gateway.grant('alice');
    expect((await gateway.redeem({ token, csr: await gateway.newCsr() })).status).toBe(201);
    const again = await gateway.redeem({ token, csr: await gateway.newCsr() });
    expect([again.status, again.body.code]).toEqual([410, 'token_used']);
  });

  it('M2-3 X-24 expired is 410; unknown and malformed are 404 and look the same', async () => {
    const { grant, token } = await gateway.grant('alice');
    await gateway.sql(
      `update federation_enrollment_tokens set expires_at = now() - interval '1 second' where grant_id = $1`,
      [grant.id],
    );
    const csr = await gateway.newCsr();
    const expired = await gateway.redeem({ token, csr });
    expect([expired.status, expired.body.code]).toEqual([410, 'token_expired']);
    const answers = [];
    for (const wrong of ['A'.repeat(43), 'x', '../../etc', `${token} `, 'é'.repeat(300)])
      answers.push(await gateway.redeem({ token: wrong, csr }));
    for (const { status, body } of answers) {
      expect(status).toBe(404);
      expect({ ...body, trace_id: '' }).toEqual({ ...answers[0]?.body, trace_id: '' });
    }
  });

  it('M2-3 X-23 100 concurrent redemptions: one certificate, one active peer, 99 times 410', async () => {
    const { grant, token } = await gateway.grant('alice');
    const before = signed;
    const csrs = await Promise.all(Array.from({ length: 100 }, () => gateway.newCsr()));
    const answers = await Promise.all(csrs.map((csr) => gateway.redeem({ token, csr })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status, body }) => status === 410 && body.code === 'token_used')).toHaveLength(
      99,
    );
    expect(signed - before).toBe(1);
    expect(await certificates(grant.id)).toMatchObject([{ status: 'issued' }]);
    expect(
      await gateway.sql(
        `select count(*)::int as n from federation_peers where id = $1 and state = 'active'`,
        [grant.peer.id],
      ),
    ).toEqual([{ n: 1 }]);
  });

  it('M2-3 a CA outage is 503 for all who tried, and the token stays usable', async () => {
    const { grant, token } = await gateway.grant('alice');
    const csr = await gateway.newCsr();
    isCaAway = true;
    const answers = await Promise.all(Array.from({ length: 8 }, () => gateway.redeem({ token, csr })));
    isCaAway = false;
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
      answers.map(() => [503, 'ca_unavailable']),
    );
    expect((await gateway.admin(`/grants/${grant.id}`)).body.status).toBe('pending');
    expect((await certificates(grant.id)).every(({ status }) => status === 'failed')).toBe(true);
    expect((await gateway.redeem({ token, csr })).status).toBe(201);
  });

  it('an invalid CSR is 400 and leaves the token usable', async () => {
    const { token } = await gateway.grant('alice');
    const csr = await gateway.newCsr();
    const lines = csr.trim().split('\n');
    const broken = [
      ...lines.slice(0, -2),
      lines.at(-2)?.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
      lines.at(-1),
    ].join('\n');
    for (const bad of ['hello', csr.replaceAll('REQUEST', 'NONSENSE'), broken, `${csr}${csr}`]) {
      const answer = await gateway.redeem({ token, csr: bad });
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_csr']);
    }
    expect((await gateway.redeem({ token, csr })).status).toBe(201);
  });

  it('a revoked, expired or replaced invitation is 410, and no certificate comes of it', async () => {
    const revoked = await gateway.grant('alice');
    await gateway.admin(`/grants/${revoked.grant.id}/revoke`, {});
    const expired = await gateway.grant('alice', undefined, {
      expires_at: new Date(Date.now() + 60_000).toISOString(),
    });
    await gateway.sql(`update federation_grants set expires_at = now() - interval '1 second' where id = $1`, [
      expired.grant.id,
    ]);
    const replaced = await gateway.grant('alice');
    const fresh = await gateway.admin(`/grants/${replaced.grant.id}/enrollment`, {});
    expect(fresh.status).toBe(201);
    const csr = await gateway.newCsr();
    for (const { token, grant } of [revoked, expired, replaced]) {
      expect((await gateway.redeem({ token, csr })).status).toBe(410);
      expect(await certificates(grant.id)).toEqual([]);
    }
    const token = /#token=([^&]+)/.exec(fresh.body.enrollment.url)?.[1];
    expect((await gateway.redeem({ token, csr })).status).toBe(201);
    expect((await gateway.admin(`/grants/${replaced.grant.id}/enrollment`, {})).body.code).toBe(
      'invalid_transition',
    );
  });

  it('a grant revoked while the CA signs gets nobody in: the certificate is revoked with it', async () => {
    const { grant, token } = await gateway.grant('alice');
    let letGo = (): void => {};
    holdCa = new Promise((resolve) => (letGo = resolve));
    const redeeming = gateway.redeem({ token, csr: await gateway.newCsr() });
    await expect.poll(() => certificates(grant.id)).toMatchObject([{ status: 'requested' }]);
    await gateway.admin(`/grants/${grant.id}/revoke`, {});
    letGo();
    expect((await redeeming).status).toBe(410);
    expect(await certificates(grant.id)).toMatchObject([{ status: 'revoked' }]);
  });

  it('a certificate ends with its grant', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000);
    const { token } = await gateway.grant('alice', undefined, { expires_at: expiresAt.toISOString() });
    const { body } = await gateway.redeem({ token, csr: await gateway.newCsr() });
    expect(Date.parse(body.not_after)).toBe(Math.floor(expiresAt.getTime() / 1000) * 1000);
  });

  it('is rate limited per address, and one address does not hold up another', async () => {
    const csr = await gateway.newCsr();
    const from = (clientAddress: string) =>
      gateway.redeem({ token: crypto.randomUUID(), csr: 'no' }, { clientAddress });
    let limited;
    for (let tries = 0; tries < 400 && limited?.status !== 429; tries += 1)
      limited = await from('198.51.100.7');
    expect([limited?.status, limited?.body.code]).toEqual([429, 'rate_limited']);
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await from('198.51.100.8')).status).toBe(400);
    const { token } = await gateway.grant('alice');
    expect((await gateway.redeem({ token, csr }, { clientAddress: '198.51.100.9' })).status).toBe(201);
  });

  it('F-6 X-38 a stranger’s refused redemptions leave one audit row an address and minute, and their number at its end', async () => {
    const rows = () => gateway.audited(({ verb, status }) => verb === 'enroll' && status === 429);
    const before = (await rows()).length;
    const from = performance.now();
    let refused = 0;
    for (const clientAddress of ['198.51.100.77', '198.51.100.78']) {
      for (let tries = 0; tries < 400; tries += 1) {
        const { status } = await gateway.redeem(
          { token: `${clientAddress} ${tries}`, csr: 'no' },
          { clientAddress },
        );
        if (status === 429) refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
    const added = (await rows()).length - before;
    const minutes = 1 + Math.floor((performance.now() - from) / 60_000);
    expect(added).toBeGreaterThanOrEqual(2);
    // The first of a minute, and the number of the others of the minute before.
    expect(added).toBeLessThanOrEqual(2 * (minutes + 1) * 2 - 2);
  });

  it('is rate limited per token, whichever addresses ask', async () => {
    const token = 'T'.repeat(43);
    const answers = [];
    for (let host = 0; host < 130; host += 1)
      answers.push(await gateway.redeem({ token, csr: 'no' }, { clientAddress: `203.0.113.${host}` }));
    expect(answers.at(-1)?.status).toBe(429);
    expect(answers[0]?.status).toBe(400);
  });

  it('M2-5 X-48 neither token nor sealed key material is in the database, an answer or a log line', async () => {
    const { token } = await gateway.grant('alice');
    const answer = await gateway.redeem({ token, csr: await gateway.newCsr() });
    await gateway.queue.flush();
    const tables = await gateway.sql(
      `select table_name from information_schema.tables where table_schema = 'public'`,
    );
    let dump = '';
    for (const { table_name: name } of tables)
      dump += JSON.stringify(await gateway.sql(`select * from "${String(name)}"`));
    const listed =
      (await gateway.admin('/grants?limit=200')).text + (await gateway.admin('/audit?limit=200')).text;
    expect(dump.length).toBeGreaterThan(1_000);
    for (const haystack of [dump, gateway.lines.join('\n'), listed, answer.text]) {
      expect(haystack).not.toContain(token);
      expect(haystack).not.toContain('PRIVATE KEY');
    }
    expect(listed).not.toContain('audit_key');
  });
});
