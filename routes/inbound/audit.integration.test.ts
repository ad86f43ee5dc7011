import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint, readPlace } from '../../domain/audit/checkpoint.ts';
import { MosaicError } from '../../domain/errors.ts';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, seedRows } from '../testing/peer.testkit.ts';

/** Not what is promised, but more than a busy machine takes. */
const SOON = { timeout: 30_000, interval: 20 };
const tasks = { resources: ['tasks'], max_rows_per_query: 100 };

describe('the audit of inbound requests', () => {
  let gateway: Gateway;
  let alice: { id: string; name: string };
  let fault: Error | null = null;
  /** How many stretches of the log each look at it was for. */
  let looked: number[] = [];

  beforeAll(async () => {
    gateway = await startGateway(({ storage }) => ({
      storage: {
        ...storage,
        reader: {
          ...storage.reader,
          listJson: (read) => (fault === null ? storage.reader.listJson(read) : Promise.reject(fault)),
        },
        stores: {
          ...storage.stores,
          auditChain: {
            ...storage.stores.auditChain,
            stretches: (grantId, stretches) => {
              looked.push(stretches.length);
              return storage.stores.auditChain.stretches(grantId, stretches);
            },
          },
        },
      },
    }));
    alice = await gateway.user('alice');
    await seedRows(gateway, 'tasks', alice.id, 3);
  });
  afterAll(() => gateway.close());

  const stored = (grantId: string) =>
    gateway.sql(
      `select * from federation_audit_log where grant_id = $1 and verb not in ('admin', 'enroll') order by at, id`,
      [grantId],
    );

  it('M4-3 a successful request is in the log within 1 s, with all there is to say', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    const answer = await peer.get('/tasks?limit=2', { headers: { traceparent } });
    const answeredAt = performance.now();
    await expect.poll(async () => (await stored(peer.grantId)).length, SOON).toBe(1);
    let tookMs = performance.now() - answeredAt;
    // What the promise says of time a busy machine may break for one request, hardly for each of some.
    for (let more = 2; more <= 5 && tookMs > 1_000; more += 1) {
      await peer.get('/tasks?limit=2');
      const from = performance.now();
      await expect.poll(async () => (await stored(peer.grantId)).length, SOON).toBe(more);
      tookMs = performance.now() - from;
    }
    expect(tookMs).toBeLessThanOrEqual(1_000);
    expect((await stored(peer.grantId)).slice(0, 1)).toMatchObject([
      {
        peer_id: peer.peerId,
        subject_user_id: alice.id,
        verb: 'list',
        resource: 'tasks',
        outcome: 'allowed',
        reason_code: null,
        status: 200,
        bytes_out: new TextEncoder().encode(answer.text).length,
        trace_id: 'c'.repeat(32),
      },
    ]);
  });

  it('M4-4 a denied request is audited with outcome denied', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    expect((await peer.get('/notes')).status).toBe(403);
    await gateway.queue.flush();
    expect(await stored(peer.grantId)).toMatchObject([
      {
        outcome: 'denied',
        status: 403,
        reason_code: 'resource_not_granted',
        verb: 'list',
        resource: 'notes',
      },
    ]);
  });

  it('X-38 400, 403, 404, 405, 413, 414, 500 and 503 each leave exactly one entry, and no stack or SQL', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const post = { method: 'POST' };
    const cases: readonly [
      path: string,
      init: RequestInit,
      status: number,
      code: string,
      verb: string,
      fault?: Error,
    ][] = [
      ['/tasks?limit=0', {}, 400, 'invalid_request', 'list'],
      ['/tasks?cursor=A', {}, 400, 'invalid_cursor', 'list'],
      ['/tasks?limit=%ff', {}, 400, 'invalid_request', 'unknown'],
      ['/notes', {}, 403, 'resource_not_granted', 'list'],
      [`/tasks/${crypto.randomUUID()}`, {}, 404, 'not_found', 'get'],
      ['/nonsense', {}, 404, 'not_found', 'unknown'],
      ['/a/b/c/d', {}, 404, 'not_found', 'unknown'],
      ['/tasks', post, 405, 'method_not_allowed', 'unknown'],
      ['/tasks', { method: 'BREW' }, 405, 'method_not_allowed', 'unknown'],
      ['/tasks', { ...post, body: 'x'.repeat(100_000) }, 413, 'payload_too_large', 'unknown'],
      [`/tasks?cursor=${'a'.repeat(9_000)}`, {}, 414, 'uri_too_long', 'unknown'],
      ['/tasks', {}, 500, 'internal', 'list', new TypeError('select secret from somewhere')],
      [
        '/tasks',
        {},
        503,
        'database_unavailable',
        'list',
        new MosaicError('database_unavailable', { cause: new Error('ECONNREFUSED') }),
      ],
    ];
    for (const [path, init, status, code, , broken] of cases) {
      fault = broken ?? null;
      const answer = await peer.get(path, init);
      fault = null;
      expect([path.slice(0, 40), answer.status, answer.body.code]).toEqual([path.slice(0, 40), status, code]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.text).not.toMatch(/select secret|ECONNREFUSED|\.ts:\d+/);
      await gateway.queue.flush();
    }
    const rows = await stored(peer.grantId);
    const told = rows.map((row) =>
      [row['status'], row['reason_code'], row['verb'], row['outcome']].join(' '),
    );
    const expected = cases.map(([, , status, code, verb]) =>
      [status, code, verb, status < 500 ? 'denied' : 'error'].join(' '),
    );
    expect(told.toSorted()).toEqual(expected.toSorted());
  });

  it('X-38 401 is audited without a grant', async () => {
    const before = (await gateway.audited(({ status }) => status === 401)).length;
    await gateway.ask(null, '/federation/v1/tasks');
    const after = await gateway.audited(({ status }) => status === 401);
    expect(after).toHaveLength(before + 1);
    expect(after[0]).toMatchObject({ grantId: null, reasonCode: 'certificate_required', outcome: 'denied' });
  });

  it('a path outside the verbs passes the gate too: it counts against the limit and is audited with its grant', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks, { rate_limit_per_minute: 1 });
    expect((await gateway.ask(peer.der, '/api/admin/users')).status).toBe(404);
    expect((await gateway.ask(peer.der, '/health')).status).toBe(429);
    await gateway.queue.flush();
    expect((await stored(peer.grantId)).map(({ status }) => String(status)).toSorted()).toEqual([
      '404',
      '429',
    ]);
  });

  it('the hash is the same for the same query, another for another query or grant', async () => {
    const one = await enrolledPeer(gateway, 'alice', tasks);
    const two = await enrolledPeer(gateway, 'alice', tasks);
    for (const path of ['/tasks?limit=5', '/tasks?limit=5', '/tasks?limit=6']) await one.get(path);
    await two.get('/tasks?limit=5');
    await gateway.queue.flush();
    const hashes = (await stored(one.grantId)).map(({ query_hash: hash }) => hash);
    const [other] = await stored(two.grantId);
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect([hashes.length, new Set(hashes).size]).toEqual([3, 2]);
    expect(new Set([...hashes, other?.['query_hash']]).size).toBe(3);
  });

  it('HEAD answers as GET without a body, and is one entry', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const answer = await peer.get('/tasks', { method: 'HEAD' });
    expect([answer.status, answer.text]).toEqual([200, '']);
    await gateway.queue.flush();
    expect(await stored(peer.grantId)).toHaveLength(1);
  });

  it('X-48 nothing of a query or a row is in the log table or in log lines', async () => {
    const canary = 'canary0123456789';
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    for (const path of [`/tasks/${canary}`, `/tasks?cursor=${canary}`, `/${canary}`, `/tasks?${canary}=1`])
      await peer.get(path);
    await gateway.queue.flush();
    expect(JSON.stringify(await stored(peer.grantId))).not.toContain(canary);
    expect(gateway.lines.join('\n')).not.toContain(canary);
  });

  it('an answer says where its grant’s chain stands, a denial too; without a grant there is nothing to say', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const [first, second] = [await peer.get('/tasks'), await peer.get('/notes')];
    const places = [first, second].map(({ headers }) => readPlace(headers.get('mosaic-audit') ?? ''));
    await gateway.queue.flush();
    expect(await stored(peer.grantId)).toMatchObject(
      places.map((place) => ({ writer_id: place?.writerId, seq: place?.seq, head: place?.head })),
    );
    expect(places.map((place) => place?.seq)).toEqual([1, 2]);
    const signed = () => readCheckpoint(gateway.deps.audit.checkpointOf(peer.grantId) ?? '')?.seq;
    await expect.poll(signed, SOON).toBe(2);
    const third = await peer.get('/tasks');
    const checkpoint = readCheckpoint(third.headers.get('mosaic-audit-checkpoint') ?? '');
    expect(checkpoint).toMatchObject({ seq: 2, head: places[1]?.head });
    expect(readPlace(third.headers.get('mosaic-audit') ?? '')).toMatchObject({ seq: 3, durableSeq: 2 });
    const nobody = await gateway.ask(null, '/federation/v1/tasks');
    expect([nobody.headers.has('mosaic-audit'), nobody.headers.has('mosaic-audit-checkpoint')]).toEqual([
      false,
      false,
    ]);
  });

  it('F-6 refusals beyond the limit and while suspended: the first of a minute at once, the others counted', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks, { rate_limit_per_minute: 20 });
    const ask = (times: number) =>
      Promise.all(Array.from({ length: times }, () => peer.get('/tasks?limit=1')));
    const from = Date.now();
    await gateway.deps.storage.stores.peers.setState(peer.peerId, 'active', 'suspended');
    expect((await ask(15)).map(({ status }) => status)).toEqual(Array.from({ length: 15 }, () => 403));
    const statuses = (await ask(300)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(280);
    await gateway.queue.flush();
    const rows = await stored(peer.grantId);
    // Each minute that was touched: the first, and at its end the others as one.
    const minutes = 1 + Math.floor(Date.now() / 60_000) - Math.floor(from / 60_000);
    for (const code of ['forbidden', 'rate_limited']) {
      const own = rows.filter(({ reason_code }) => reason_code === code);
      expect(own.length).toBeGreaterThanOrEqual(1);
      expect(own.length).toBeLessThanOrEqual(2 * minutes - 1);
      expect(own[0]).toMatchObject({ outcome: 'denied', action: null, peer_id: peer.peerId });
    }
    expect(rows.every(({ outcome }) => outcome === 'denied')).toBe(true);
  });

  it('F-8 a place that is named 64 times costs what it costs once, and is answered 64 times', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const place = readPlace((await peer.get('/tasks')).headers.get('mosaic-audit') ?? '');
    await gateway.queue.flush();
    const missing = `${crypto.randomUUID()}.7`;
    const text = `${place?.writerId}.${place?.seq}`;
    const at = [missing, ...Array.from({ length: 63 }, () => text)].join(',');
    looked = [];
    const { status, body } = await peer.get(`/audit/checkpoint?at=${at}`);
    expect(status).toBe(200);
    const { places } = body as unknown as { places: readonly { state: string; seq: number }[] };
    expect(places.map(({ state }) => state)).toEqual([
      'missing',
      ...Array.from({ length: 63 }, () => 'entry'),
    ]);
    expect(looked).toEqual([2]);
    const plan = await gateway.sql(
      `explain select * from federation_audit_log where grant_id = $1 and
         ((writer_id = $2 and seq between 1 and 7) or (writer_id = $3 and seq between 1 and 7))`,
      [peer.grantId, place?.writerId, crypto.randomUUID()],
    );
    expect(JSON.stringify(plan)).toContain('federation_audit_log_place');
  });

  it('a checkpoint that a peer shows is kept when it is ours and of this grant; anything else is ignored', async () => {
    const [peer, other] = [
      await enrolledPeer(gateway, 'alice', tasks),
      await enrolledPeer(gateway, 'alice', tasks),
    ];
    const seen = (grantId: string) => gateway.deps.storage.stores.auditChain.seenOf(grantId);
    const show = async (asking: typeof peer, text: string) => {
      expect((await asking.get('/tasks', { headers: { 'mosaic-audit-seen': text } })).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    };
    await peer.get('/tasks');
    await gateway.queue.flush();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const good = (await peer.get('/tasks')).headers.get('mosaic-audit-checkpoint') ?? '';
    expect(good).not.toBe('');
    await show(other, good);
    expect(await seen(other.grantId)).toEqual([]);
    const [, writer, seq, head] = good.split(';');
    const wrong = [
      'x',
      good.slice(0, -1),
      `${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`,
      good.replace(`;${seq};`, ';99;'),
      good.replace(head ?? '', 'f'.repeat(64)),
      good.replace(writer ?? '', crypto.randomUUID()),
      'a'.repeat(5_000),
    ];
    for (const text of wrong) await show(peer, text);
    expect(await seen(peer.grantId)).toEqual([]);
    await show(peer, good);
    expect(await seen(peer.grantId)).toMatchObject([
      { writerId: writer, seq: Number(seq), head, checkpoint: good },
    ]);
  });

  it('strict: no answer and no row leaves while its entry can not be written; 503, and the refusal is an entry', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks, { audit_strict: true });
    const good = await peer.get('/tasks');
    expect(good.status).toBe(200);
    // Committed before the answer, so there without a flush.
    expect(await stored(peer.grantId)).toMatchObject([{ status: 200 }]);
    await gateway.sql('revoke insert on federation_audit_log from mosaic_app');
    const [held, denied] = [await peer.get('/tasks'), await peer.get('/notes')];
    await gateway.sql('grant insert on federation_audit_log to mosaic_app');
    for (const answer of [held, denied]) {
      expect([answer.status, answer.body.code]).toEqual([503, 'audit_unavailable']);
      expect(answer.body).not.toHaveProperty('items');
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    await gateway.admin(`/grants/${peer.grantId}`, { audit_strict: false }, 'PATCH');
    await peer.get('/tasks');
    await gateway.queue.flush();
    expect((await stored(peer.grantId)).map(({ status }) => status)).toContain(200);
    const shown = await gateway.admin(`/grants/${peer.grantId}`);
    expect(shown.body).toMatchObject({ audit_strict: false });
  });

  it('the viewer filters and pages', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    for (let count = 0; count < 5; count += 1) await peer.get('/tasks');
    await peer.get('/notes');
    const of = (query: string) => gateway.admin(`/audit?grant_id=${peer.grantId}${query}`);
    const denied = await of('&outcome=denied');
    expect(denied.body.items).toMatchObject([{ status: 403, resource: 'notes', actor_user_id: null }]);
    const first = await of('&verb=list&limit=4');
    const second = await of(`&verb=list&limit=4&cursor=${first.body.next_cursor}`);
    expect([first.body.items.length, second.body.items.length, second.body.next_cursor]).toEqual([
      4,
      2,
      null,
    ]);
    expect((await of(`&cursor=${first.body.next_cursor}`)).body.code).toBe('invalid_cursor');
    expect((await of('&to=2020-01-01T00:00:00Z')).body.items).toEqual([]);
    expect((await of('&from=yesterday')).body.code).toBe('invalid_request');
    const refused = await of('&reason_code=resource_not_granted');
    expect(refused.body.items).toHaveLength(1);
    const [one] = refused.body.items as readonly unknown[] as readonly { readonly trace_id: string }[];
    expect((await of(`&trace_id=${one?.trace_id}`)).body.items).toEqual(refused.body.items);
    expect((await of('&reason_code=nonsense')).body.code).toBe('invalid_request');
    const counted = await gateway.admin(`/audit/histogram?grant_id=${peer.grantId}&verb=list`);
    const { hours } = counted.body as unknown as { hours: readonly { allowed: number; denied: number }[] };
    expect(hours.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(5);
    expect(hours.reduce((sum, { denied }) => sum + denied, 0)).toBe(1);
    const long = await gateway.admin('/audit/histogram?from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z');
    expect(long.body.code).toBe('invalid_request');
    expect((await gateway.admin('/audit/counters')).body).toMatchObject({
      dropped: gateway.queue.counters.dropped,
    });
  });
});
