import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../domain/peers/identity.ts';
import { createForger } from '../../ca/testing/forge.testkit.ts';
import { MALFORMED_VALUES } from '../../ca/testing/malformed.testkit.ts';
import { encodeIdentityExtension } from '../../ca/x509/extension.ts';
import { MAX_PAGE_BYTES } from '../../domain/paging/page-bytes.ts';
import { startGateway, type Answer, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, seedRows, type EnrolledPeer } from '../testing/peer.testkit.ts';

const tasks = { resources: ['tasks'], max_rows_per_query: 100 };

describe('the inbound verbs', () => {
  let gateway: Gateway;
  let alice: { id: string; name: string };
  let bob: { id: string; name: string };
  beforeAll(async () => {
    gateway = await startGateway();
    alice = await gateway.user('alice');
    bob = await gateway.user('bob');
    await seedRows(gateway, 'tasks', alice.id, 25);
    await seedRows(gateway, 'tasks', bob.id, 3);
    await seedRows(gateway, 'credentials', alice.id, 2);
  });
  afterAll(() => gateway.close());

  const entriesOf = (grantId: string) =>
    gateway.audited(
      (entry) => entry.grantId === grantId && entry.verb !== 'admin' && entry.verb !== 'enroll',
    );

  it('capabilities tell the reach of the grant, and nothing of excluded resources', async () => {
    const team = (await gateway.admin('/teams', { name: gateway.unique('team') })).body.id;
    const peer = await enrolledPeer(gateway, 'alice', {
      resources: ['tasks', 'notes'],
      excluded_resources: ['memory'],
      filters: { notes: { include_teams: [team], include_personal: false } },
      max_rows_per_query: 9,
    });
    const answer = await peer.get('/capabilities');
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      gateway: 'work',
      grant: { id: peer.grantId, status: 'active', expires_at: null },
      resources: [
        { name: 'tasks', personal: true, teams: [] },
        { name: 'notes', personal: false, teams: [team] },
      ],
      max_rows_per_query: 9,
    });
    expect(Math.abs(Date.parse(answer.body.server_time) - Date.now())).toBeLessThan(5_000);
  });

  it('M3-6 X-11 malformed identity extensions are 401, whatever is wrong with them', async () => {
    const forger = await createForger('work');
    const good = encodeIdentityExtension(crypto.randomUUID());
    const cases = [
      [],
      [{ oid: GRANT_ID_OID, value: good }],
      [{ oid: SUBJECT_USER_ID_OID, value: good }],
      ...MALFORMED_VALUES.flatMap(([, value]) => [
        [
          { oid: GRANT_ID_OID, value },
          { oid: SUBJECT_USER_ID_OID, value: good },
        ],
        [
          { oid: GRANT_ID_OID, value: good },
          { oid: SUBJECT_USER_ID_OID, value },
        ],
      ]),
    ];
    for (const extensions of cases) {
      const answer = await gateway.ask((await forger.leaf(extensions)).der, '/federation/v1/tasks');
      expect([answer.status, answer.body.code]).toEqual([401, 'certificate_invalid']);
    }
    const audited = await gateway.audited((entry) => entry.reasonCode === 'certificate_invalid');
    expect(audited).toHaveLength(cases.length);
    expect(audited.every(({ grantId, outcome }) => grantId === null && outcome === 'denied')).toBe(true);
  });

  it.each([':AAAA:, :AAAA:', ':AAAA:AAAA:', 'AAAA', '::', ':not base64:', `:${'A'.repeat(20_000)}:`])(
    'a certificate header that is not one byte sequence is 401 (%#)',
    async (value) => {
      const answer = await gateway.ask(null, '/federation/v1/tasks', { headers: { 'client-cert': value } });
      expect([answer.status, answer.body.code]).toEqual([401, 'certificate_invalid']);
    },
  );

  it('no certificate is 401, and an expired one stays out although it was read before', async () => {
    expect((await gateway.ask(null, '/federation/v1/tasks')).body.code).toBe('certificate_required');
    const forger = await createForger('work');
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1_000);
    const extensions = [GRANT_ID_OID, SUBJECT_USER_ID_OID].map((oid) => ({
      oid,
      value: encodeIdentityExtension(crypto.randomUUID()),
    }));
    const { der } = await forger.leaf(extensions, { notAfter });
    expect((await gateway.ask(der, '/federation/v1/tasks')).body.code).toBe('grant_unknown');
    await new Promise((resolve) => setTimeout(resolve, notAfter.getTime() - Date.now() + 20));
    const late = await gateway.ask(der, '/federation/v1/tasks');
    expect([late.status, late.body.code]).toEqual([401, 'certificate_untrusted']);
  });

  it('a certificate with an unknown grant is 403 grant_unknown, audited without a grant', async () => {
    const forger = await createForger('work');
    const grantId = crypto.randomUUID();
    const { der } = await forger.leaf([
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(alice.id) },
    ]);
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const answer = await gateway.ask(der, '/federation/v1/tasks', { headers: { traceparent } });
    expect([answer.status, answer.body.code, answer.body.trace_id]).toEqual([
      403,
      'grant_unknown',
      'a'.repeat(32),
    ]);
    const [entry, ...more] = await gateway.audited(({ traceId }) => traceId === 'a'.repeat(32));
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      grantId: null,
      peerId: null,
      subjectUserId: null,
      outcome: 'denied',
      verb: 'list',
    });
  });

  it('X-12 grant X with the subject of Y is 403, and no rows', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const forger = await createForger('work');
    const { der } = await forger.leaf([
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(peer.grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(bob.id) },
    ]);
    const answer = await gateway.ask(der, '/federation/v1/tasks');
    expect([answer.status, answer.body.code, answer.body.items]).toEqual([
      403,
      'grant_subject_mismatch',
      undefined,
    ]);
    expect(await entriesOf(peer.grantId)).toMatchObject([
      { subjectUserId: alice.id, reasonCode: 'grant_subject_mismatch' },
    ]);
  });

  it('a certificate of ours that this grant never got (another serial) reads nothing', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const forger = await createForger('work');
    const { der } = await forger.leaf([
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(peer.grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(alice.id) },
    ]);
    for (const path of ['/tasks', `/tasks/${crypto.randomUUID()}`, '/capabilities']) {
      expect((await gateway.ask(der, `/federation/v1${path}`)).body.code).toBe('certificate_revoked');
    }
  });

  it('M3-6 X-52 a good certificate whose grant was revoked in the database is 403 at the very next request', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    expect((await peer.get('/tasks')).status).toBe(200);
    await gateway.sql(
      `update federation_grants set status = 'revoked', version = version + 1 where id = $1`,
      [peer.grantId],
    );
    for (const path of ['/tasks', '/capabilities', `/tasks/${crypto.randomUUID()}`]) {
      const answer = await peer.get(path);
      expect([answer.status, answer.body.code]).toEqual([403, 'grant_revoked']);
    }
  });

  it('a revoked certificate of an active grant, and an expired grant, are told apart', async () => {
    const revoked = await enrolledPeer(gateway, 'alice', tasks);
    const expired = await enrolledPeer(gateway, 'alice', tasks);
    expect((await revoked.get('/tasks')).status + (await expired.get('/tasks')).status).toBe(400);
    await gateway.sql(
      `update issued_certificates set status = 'revoked', revoked_at = now() where grant_id = $1`,
      [revoked.grantId],
    );
    await gateway.sql(`update federation_grants set expires_at = now() - interval '1 s' where id = $1`, [
      expired.grantId,
    ]);
    expect((await revoked.get('/tasks')).body.code).toBe('certificate_revoked');
    expect((await expired.get('/tasks')).body.code).toBe('grant_expired');
  });

  it('M7-5 an edit of the scope is in force at the next request, in both directions', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    expect((await peer.get('/notes')).body.code).toBe('resource_not_granted');
    const widened = { resources: ['tasks', 'notes'], max_rows_per_query: 100 };
    expect((await gateway.admin(`/grants/${peer.grantId}`, { scope: widened }, 'PATCH')).status).toBe(200);
    expect((await peer.get('/notes')).status).toBe(200);
    await gateway.admin(
      `/grants/${peer.grantId}`,
      { scope: { ...tasks, excluded_resources: ['notes'] } },
      'PATCH',
    );
    expect((await peer.get('/notes')).body.code).toBe('resource_excluded');
  });

  it('a suspended peer is 403 at its next request', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    expect((await peer.get('/tasks')).status).toBe(200);
    await gateway.sql(`update federation_peers set state = 'suspended' where id = $1`, [peer.peerId]);
    expect((await peer.get('/tasks')).body.code).toBe('forbidden');
  });

  it('X-31 excluded wins in a row edited by hand, for list and get', async () => {
    const peer = await enrolledPeer(
      gateway,
      'alice',
      { resources: ['tasks', 'credentials'], max_rows_per_query: 100 },
      { approve_sensitive: true },
    );
    const granted = await peer.get('/credentials');
    expect(granted.body.items).toHaveLength(2);
    expect(Object.keys(granted.body.items[0] ?? {}).toSorted()).toEqual([
      'created_at',
      'id',
      'owner_id',
      'team_id',
      'title',
      'updated_at',
      'url',
      'username',
    ]);
    await gateway.sql(
      `update federation_grants set scope = jsonb_set(scope, '{excluded_resources}', '["credentials"]'), version = version + 1 where id = $1`,
      [peer.grantId],
    );
    const list = await peer.get('/credentials');
    const get = await peer.get(`/credentials/${granted.body.items[0]?.id}`);
    for (const answer of [list, get]) {
      expect([answer.status, answer.body.code]).toEqual([403, 'resource_excluded']);
      expect(answer.text).not.toContain('row ');
    }
    expect((await peer.get('/capabilities')).body.resources.map(({ name }) => name)).toEqual(['tasks']);
  });

  it('X-30 a foreign id, an absent id and no id at all get the same status, body and headers', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const [foreign] = await gateway.sql('select id from tasks where owner_id = $1 limit 1', [bob.id]);
    const answers = [];
    for (const id of [foreign?.['id'], crypto.randomUUID(), 'nothing', '%27%3Bdrop'])
      answers.push(await peer.get(`/tasks/${String(id)}`));
    for (const { status, headers, body } of answers) {
      expect(status).toBe(404);
      expect([...headers.keys()]).toEqual([...(answers[0]?.headers.keys() ?? [])]);
      expect({ ...body, trace_id: '' }).toEqual({ ...answers[0]?.body, trace_id: '' });
    }
  });

  it('the rate limit of a grant: 429 with Retry-After and a structured body, and an override without a restart', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks, { rate_limit_per_minute: 3 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => peer.get('/tasks')));
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual([
      '200',
      '200',
      '200',
      '429',
      '429',
    ]);
    const limited = answers.find(({ status }) => status === 429);
    expect(limited?.body).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    await gateway.admin(`/grants/${peer.grantId}`, { rate_limit_per_minute: 600 }, 'PATCH');
    expect((await peer.get('/tasks')).status).toBe(200);
    // The first of a minute at once, the others counted when it is over (F-6): two, if a minute ended just then.
    expect([1, 2]).toContain((await entriesOf(peer.grantId)).filter(({ status }) => status === 429).length);
  });

  it('M6-2 deleting a user revokes the grants of that subject, and their rows stay', async () => {
    const carol = await gateway.user('carol');
    const peer = await enrolledPeer(gateway, 'carol', tasks);
    await seedRows(gateway, 'tasks', carol.id, 1);
    expect((await peer.get('/tasks')).body.items).toHaveLength(1);
    expect((await gateway.admin(`/users/${carol.id}`, undefined, 'DELETE')).status).toBe(204);
    expect((await peer.get('/tasks')).body.code).toBe('grant_revoked');
    expect((await gateway.admin(`/grants/${peer.grantId}`)).body).toMatchObject({
      status: 'revoked',
      subject_user_id: carol.id,
    });
  });

  it.each(['/notes?', '/search?q=row&'])(
    'F-5 X-61 %s of very long rows ends early, each once',
    async (path) => {
      const dora = await gateway.user();
      const peer = await enrolledPeer(gateway, dora.name, {
        resources: ['notes'],
        max_rows_per_query: 10_000,
      });
      // Each is 100 kB as stored and 600 kB in JSON.
      await gateway.sql(
        `insert into notes (id, owner_id, title, body, created_at, updated_at)
       select gen_random_uuid(), $1::uuid, 'row ' || n, repeat(chr(1), 100000), date_trunc('milliseconds', now()) - n * interval '1 ms', now()
       from generate_series(1, 12) n`,
        [dora.id],
      );
      const MOST = MAX_PAGE_BYTES + 640 * 1024;
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Answer = await peer.get(
          `${path}limit=10000${cursor === null ? '' : `&cursor=${cursor}`}`,
        );
        expect(page.status).toBe(200);
        expect(page.text.length).toBeLessThanOrEqual(MOST);
        expect(page.body.items.length).toBeGreaterThan(0);
        seen.push(...page.body.items.map(({ id }) => id));
        cursor = page.body.next_cursor;
      } while (cursor !== null);
      expect([seen.length, new Set(seen).size]).toEqual([12, 12]);
      expect((await entriesOf(peer.grantId)).every(({ bytesOut }) => bytesOut <= MOST)).toBe(true);
    },
  );

  describe('paging', () => {
    const pages = async (peer: EnrolledPeer, limit: number) => {
      const seen: string[] = [];
      const sizes: number[] = [];
      let cursor: string | null = null;
      do {
        const { body }: Answer = await peer.get(
          `/tasks?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
        );
        seen.push(...body.items.map(({ id }) => id));
        sizes.push(body.items.length);
        cursor = body.next_cursor;
      } while (cursor !== null);
      return { seen, sizes };
    };

    it('M3-7 max_rows_per_query caps a response; the rest is reached by cursor, every row once', async () => {
      const peer = await enrolledPeer(gateway, 'alice', { resources: ['tasks'], max_rows_per_query: 10 });
      const { seen, sizes } = await pages(peer, 10_000);
      expect(sizes).toEqual([10, 10, 5]);
      const rows = await gateway.sql(
        'select id from tasks where owner_id = $1 and team_id is null order by created_at desc, id desc',
        [alice.id],
      );
      expect(seen).toEqual(rows.map(({ id }) => id));
    });

    it('X-32 limits that are no whole number from 1 to 10000 are 400; a large one is capped', async () => {
      const peer = await enrolledPeer(gateway, 'alice', { resources: ['tasks'], max_rows_per_query: 10 });
      for (const limit of [
        '0',
        '-1',
        '1e9',
        '1000000000',
        '"5"',
        '[5]',
        '5,6',
        '1.5',
        '',
        'x',
        '%00',
        '05',
        '+5',
        '10001',
      ]) {
        const answer = await peer.get(`/tasks?limit=${limit}`);
        expect([limit, answer.status, answer.body.code]).toEqual([limit, 400, 'invalid_request']);
      }
      expect((await peer.get('/tasks?limit=5&limit=6')).status).toBe(400);
      expect((await peer.get('/tasks?limits=5')).status).toBe(400);
      expect((await peer.get('/tasks?limit=10000')).body.items).toHaveLength(10);
    });

    it('X-43 a cursor with any bit flipped, cut or lengthened is 400 invalid_cursor', async () => {
      const peer = await enrolledPeer(gateway, 'alice', tasks, { rate_limit_per_minute: 100_000 });
      const cursor = String((await peer.get('/tasks?limit=2')).body.next_cursor);
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      const broken = Array.from(cursor).flatMap((char, at) =>
        [1, 2, 4, 8, 16, 32].map(
          (bit) => cursor.slice(0, at) + alphabet[alphabet.indexOf(char) ^ bit] + cursor.slice(at + 1),
        ),
      );
      for (const bad of [...broken, cursor.slice(0, -1), `${cursor}A`, 'A', '-']) {
        const answer = await peer.get(`/tasks?limit=2&cursor=${bad}`);
        expect([answer.status, answer.body.code]).toEqual([400, 'invalid_cursor']);
      }
      expect((await peer.get(`/tasks?limit=2&cursor=${cursor}`)).status).toBe(200);
    });

    it('X-43 a cursor of another grant, resource or scope is 400 invalid_cursor', async () => {
      const both = { resources: ['tasks', 'notes'], max_rows_per_query: 100 };
      const [one, other] = [
        await enrolledPeer(gateway, 'alice', both),
        await enrolledPeer(gateway, 'alice', both),
      ];
      const cursor = String((await one.get('/tasks?limit=2')).body.next_cursor);
      expect((await other.get(`/tasks?cursor=${cursor}`)).body.code).toBe('invalid_cursor');
      expect((await one.get(`/notes?cursor=${cursor}`)).body.code).toBe('invalid_cursor');
      expect((await one.get(`/tasks?limit=7&cursor=${cursor}`)).status).toBe(200);
      await gateway.admin(`/grants/${one.grantId}`, { scope: { ...both, max_rows_per_query: 50 } }, 'PATCH');
      expect((await one.get(`/tasks?cursor=${cursor}`)).body.code).toBe('invalid_cursor');
    });
  });
});
