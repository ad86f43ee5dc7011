import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CollectedSpan, Collector } from './collector.ts';
import { enrollByHand } from './hand-made-client.ts';
import { addRow, grantAndEnroll, seedPeople, type Enrolled, type Seeded } from './people.ts';
import { call, must, type World } from './world.ts';

/** Two gateways that are watched. */
export interface WatchedWorld extends World {
  readonly collector: Collector;
  readonly metricsToken: string;
  /** Sent to the collector with everything, and written nowhere. */
  readonly collectorSecret: string;
  /** All that was logged so far, by gateways and fronts. */
  logs(): Promise<string>;
  /** Header names of every request that reached work's federation side; null where that can't be seen. */
  readonly headersAtWork: readonly string[][] | null;
}

/** For both gateways: everything is traced, nothing waits for long, and one failed call opens a circuit. */
export const watchedBy = (
  collector: Collector,
  { metricsToken, collectorSecret }: Pick<WatchedWorld, 'metricsToken' | 'collectorSecret'>,
): Readonly<Record<string, string>> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${collectorSecret}`,
  OTEL_TRACES_SAMPLER_ARG: '1',
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_METRIC_EXPORT_INTERVAL: '1000',
  MOSAIC_METRICS_TOKEN: metricsToken,
  FEDERATION_CIRCUIT_FAILURES: '1',
  FEDERATION_CIRCUIT_COOLDOWN_MS: '600000',
  FEDERATION_PEER_RETRIES: '0',
});

const SPAN = '00f067aa0ba902b7';
const newTrace = (): string => crypto.randomUUID().replaceAll('-', '');

/** SPEC M5-7 and what goes with it, on two gateways over real mutual TLS, with a real receiver of OTLP. */
export const describeTracing = (components: string, boot: () => Promise<WatchedWorld>): void => {
  describe(`traces and metrics on ${components}`, () => {
    let world: WatchedWorld;
    let seeded: Seeded;
    let work: Enrolled;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'trace-');
      work = await enroll('work', null);
    }, 120_000);
    afterAll(() => world.close());

    const enroll = (peerName: string, cacheTtlSeconds: number | null) =>
      grantAndEnroll(world, {
        subject: seeded.alice,
        localUser: seeded.ann,
        peerName,
        scope: { resources: ['tasks', 'notes'], max_rows_per_query: 100 },
        cacheTtlSeconds,
      });
    const query = (path: string, headers: Readonly<Record<string, string>> = {}) =>
      call(world.home, `/api/query/${path}`, { token: seeded.ann.token, headers });
    const traced = async (path: string, flags = '01') => {
      const trace = newTrace();
      const answer = await query(path, { traceparent: `00-${trace}-${SPAN}-${flags}` });
      return { trace, answer };
    };
    /** Of a trace, oldest first, once there are that many; one more would have come with them. */
    const spansOf = async (trace: string, count: number): Promise<readonly CollectedSpan[]> => {
      const found = () => world.collector.spans.filter(({ traceId }) => traceId === trace);
      await expect.poll(() => found().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
      expect(found()).toHaveLength(count);
      return found();
    };
    const only = (
      spans: readonly CollectedSpan[],
      name: CollectedSpan['name'],
      kind: CollectedSpan['kind'],
    ): CollectedSpan => {
      const [span, ...more] = spans.filter((one) => one.name === name && one.kind === kind);
      if (span === undefined || more.length > 0)
        throw new Error(`not one ${name}: ${JSON.stringify(spans, null, 2)}`);
      return span;
    };
    const metrics = async (gateway: 'home' | 'work'): Promise<string> =>
      // Text, not JSON.
      (await must(200, world[gateway], '/metrics', { token: world.metricsToken })) as unknown as string;
    const valueOf = (text: string, series: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')[1] ?? Number.NaN,
      );

    it('M5-7 spans on both gateways share one trace: the client’s, continued from its span', async () => {
      const { trace, answer } = await traced('tasks?source=federated:work&limit=7');
      expect(answer.status).toBe(200);
      const spans = await spansOf(trace, 3);
      const asked = only(spans, 'federation.query', 'server');
      const sent = only(spans, 'federation.request', 'client');
      const served = only(spans, 'federation.request', 'server');
      expect([asked.parentId, sent.parentId, served.parentId]).toEqual([SPAN, asked.spanId, sent.spanId]);
      expect([asked.service, sent.service, served.service]).toEqual([
        `mosaic-${world.home.name}`,
        `mosaic-${world.home.name}`,
        `mosaic-${world.work.name}`,
      ]);
      const [grant] = await world.work.sql('select peer_id from federation_grants where id = $1', [
        work.grantId,
      ]);
      const shared = {
        'federation.grant': work.grantId,
        'federation.verb': 'list',
        'federation.resource': 'tasks',
        'federation.outcome': 'allowed',
        'federation.latency_ms': expect.any(Number) as number,
        'federation.cached': false,
      };
      expect(sent.attributes).toEqual({
        ...shared,
        'federation.direction': 'outbound',
        'federation.peer': work.peerId,
      });
      expect(served.attributes).toEqual({
        ...shared,
        'federation.direction': 'inbound',
        'federation.peer': grant?.['peer_id'],
        'http.response.status_code': 200,
      });
      expect(sent.durationMs).toBeGreaterThanOrEqual(served.durationMs);
      await world.work.flushAudit();
      const entries = await world.work.sql(
        'select trace_id, status from federation_audit_log where trace_id = $1',
        [trace],
      );
      expect(entries).toEqual([{ trace_id: trace, status: 200 }]);
    });

    it('M5-7 an answer from the cache is a span at home alone, and says that it is cached', async () => {
      await query('notes?source=federated:work&limit=3');
      const { trace, answer } = await traced('notes?source=federated:work&limit=3');
      expect(answer.body.sources['federated:work']?._cached).toBe(true);
      const sent = only(await spansOf(trace, 2), 'federation.request', 'client');
      expect(sent.attributes).toMatchObject({ 'federation.cached': true, 'federation.outcome': 'allowed' });
    });

    it('a denial is told on both sides with its reason, and counted on both', async () => {
      const series = (direction: string): string =>
        `mosaic_federation_denials_total{direction="${direction}",reason="resource_not_granted"}`;
      const { trace, answer } = await traced('memory?source=federated:work');
      expect(answer.status).toBe(502);
      const spans = await spansOf(trace, 3);
      for (const kind of ['client', 'server'] as const) {
        expect(only(spans, 'federation.request', kind)).toMatchObject({
          isError: false,
          attributes: { 'federation.outcome': 'denied', 'federation.reason': 'resource_not_granted' },
        });
      }
      expect(valueOf(await metrics('home'), series('outbound'))).toBeGreaterThanOrEqual(1);
      expect(valueOf(await metrics('work'), series('inbound'))).toBeGreaterThanOrEqual(1);
    });

    it('an open circuit is an outcome of its own, without a call', async () => {
      const { peerId } = await enroll('gone', 0);
      // Nobody listens on port 1.
      await world.home.sql(
        `update federation_peers set federation_url = 'https://127.0.0.1:1' where id = $1`,
        [peerId],
      );
      const first = await traced('tasks?source=federated:gone');
      const failed = only(await spansOf(first.trace, 2), 'federation.request', 'client');
      expect(failed).toMatchObject({
        isError: true,
        attributes: { 'federation.outcome': 'error', 'federation.reason': 'peer_unreachable' },
      });
      const second = await traced('tasks?source=federated:gone');
      const open = only(await spansOf(second.trace, 2), 'federation.request', 'client');
      expect(open).toMatchObject({
        isError: true,
        attributes: { 'federation.outcome': 'circuit_open', 'federation.reason': 'peer_circuit_open' },
      });
      expect(valueOf(await metrics('home'), 'mosaic_circuits{state="open"}')).toBe(1);
    });

    it('a person’s program that says no is followed: home sends the flag on and records nothing', async () => {
      const { trace } = await traced('tasks?source=federated:work&limit=8', '00');
      // Work draws for itself: a peer that does not record may just not be watched.
      const [served] = await spansOf(trace, 1);
      expect(served).toMatchObject({ kind: 'server', service: `mosaic-${world.work.name}` });
    });

    it('M5-7 X-48 a malformed traceparent is replaced, whole: nothing of it goes on', async () => {
      const mark = `canary${newTrace()}`;
      for (const header of [mark, `00-${newTrace()}-${SPAN}-01-${mark}`, `ff-${newTrace()}-${SPAN}-01`]) {
        const before = new Set(world.collector.spans.map(({ spanId }) => spanId));
        await query('tasks?source=federated:work&limit=9&cursor=', { traceparent: header });
        await query('notes?source=federated:work&limit=9', {
          traceparent: header,
          'cache-control': 'no-cache',
        });
        await world.work.flushAudit();
        const [entry] = await world.work.sql(
          'select trace_id from federation_audit_log where grant_id = $1 order by at desc limit 1',
          [work.grantId],
        );
        const trace = String(entry?.['trace_id']);
        expect(trace).toMatch(/^[0-9a-f]{32}$/);
        expect(header).not.toContain(trace);
        const spans = await spansOf(trace, 3);
        expect(only(spans, 'federation.query', 'server').parentId).toBeNull();
        expect(spans.some(({ spanId }) => before.has(spanId))).toBe(false);
      }
      expect(world.collector.bodies.join('\n')).not.toContain(mark);
      expect(await world.logs()).not.toContain(mark);
    });

    it('X-48 tracestate and baggage end at home', async () => {
      const mark = `canary${newTrace()}`;
      const trace = newTrace();
      await query('tasks?source=federated:work&limit=11', {
        traceparent: `00-${trace}-${SPAN}-01`,
        tracestate: `vendor=${mark}`,
        baggage: `user=${mark}`,
      });
      await spansOf(trace, 3);
      if (world.headersAtWork !== null) {
        const seen = world.headersAtWork.at(-1) ?? [];
        expect(seen).toContain('traceparent');
        expect(world.headersAtWork.flat()).not.toContain('tracestate');
        expect(world.headersAtWork.flat()).not.toContain('baggage');
      }
      expect(world.collector.bodies.join('\n')).not.toContain(mark);
      expect(await world.logs()).not.toContain(mark);
    });

    it('X-48 no query, title, certificate, token or secret is in a span, a metric or a log', async () => {
      const word = `canary${newTrace()}`;
      const title = `canary ${word} title`;
      await addRow(world.work, seeded.alice, 'tasks', title);
      const hand = await enrollByHand(world.work, {
        user: seeded.alice.name,
        peer: `hand-${word.slice(0, 12)}`,
        scope: { resources: ['tasks'], max_rows_per_query: 100 },
      });
      const trace = newTrace();
      const own = await hand.get(`/federation/v1/search?q=${word}`, {
        traceparent: `00-${trace}-${SPAN}-01`,
      });
      expect(own.body.items).toHaveLength(1);
      const found = await traced(`search?source=federated:work&q=${word}`);
      expect(found.answer.body.items[0]?.title).toBe(title);
      const wrong = await traced(`tasks?source=federated:work&cursor=${word}`);
      expect(wrong.answer.status).toBe(400);
      const listed = await traced('tasks?source=federated:work&limit=100');
      expect(listed.answer.body.items.map((item) => item.title)).toContain(title);
      const searched = only(await spansOf(found.trace, 3), 'federation.request', 'server');
      expect(searched.attributes).toMatchObject({ 'federation.verb': 'search' });
      await spansOf(trace, 1);
      await spansOf(listed.trace, 3);
      await world.work.flushAudit();
      const [entry] = await world.work.sql(
        'select query_hash from federation_audit_log where trace_id = $1',
        [trace],
      );
      const certificate = readFileSync(hand.certFile, 'utf8').split('\n');
      const secrets = [
        word,
        title,
        ...certificate.slice(2, 6),
        readFileSync(hand.keyFile, 'utf8').split('\n')[1] ?? '',
        seeded.ann.token,
        world.home.adminToken,
        world.work.adminToken,
        world.metricsToken,
        world.collectorSecret,
        String(entry?.['query_hash']),
      ];
      await hand.remove();
      const pages = [await metrics('home'), await metrics('work')].join('\n');
      const places = { spans: world.collector.bodies.join('\n'), pages, logs: await world.logs() };
      expect(places.spans).toContain(found.trace);
      expect(places.logs.length).toBeGreaterThan(0);
      for (const [place, text] of Object.entries(places))
        for (const secret of secrets) {
          expect(secret.length).toBeGreaterThan(8);
          const line = text.split('\n').find((one) => one.includes(secret));
          expect([place, line]).toEqual([place, undefined]);
        }
      // The collector's own secret reached the collector, as a header.
      expect(world.collector.headers.at(-1)?.authorization).toBe(`Bearer ${world.collectorSecret}`);
      // Series are not made of grants, peers or traces.
      for (const id of [work.grantId, work.peerId, hand.grantId, found.trace, seeded.alice.id])
        expect(pages).not.toContain(id);
    });

    it('metrics are sent to the collector too, by both gateways', async () => {
      for (const { name } of [world.home, world.work])
        await expect
          .poll(() => world.collector.metrics.get(`mosaic-${name}`) ?? new Set(), { timeout: 10_000 })
          .toContain('mosaic_federation_requests_total');
    });

    it('/metrics shows how both gateways stand', async () => {
      const [home, served] = [await metrics('home'), await metrics('work')];
      expect(valueOf(home, 'mosaic_peers{state="active"}')).toBeGreaterThanOrEqual(2);
      const ends = valueOf(home, 'mosaic_certificate_not_after_timestamp_seconds{certificate="peer"}');
      expect(ends).toBeGreaterThan(Date.now() / 1000);
      expect(valueOf(home, 'mosaic_response_cache_questions_total{result="hit"}')).toBeGreaterThanOrEqual(1);
      expect(valueOf(home, 'mosaic_service_up{service="database"}')).toBe(1);
      const requests = (text: string, labels: string): number =>
        valueOf(text, `mosaic_federation_requests_total{${labels}}`);
      const list = 'verb="list",resource="tasks",outcome="allowed"';
      expect(requests(home, `direction="outbound",${list},cached="false"`)).toBeGreaterThanOrEqual(1);
      expect(requests(served, `direction="inbound",${list},cached="false"`)).toBeGreaterThanOrEqual(1);
      const buckets =
        /mosaic_federation_request_duration_seconds_bucket\{direction="inbound",verb="list",outcome="allowed",le="\+Inf"\} (\d+)/;
      expect(Number(buckets.exec(served)?.[1])).toBeGreaterThanOrEqual(1);
      expect(valueOf(served, 'mosaic_audit_entries_total{state="written"}')).toBeGreaterThan(0);
      expect(
        valueOf(served, 'mosaic_certificate_not_after_timestamp_seconds{certificate="front"}'),
      ).toBeGreaterThan(Date.now() / 1000);
      expect(valueOf(served, 'mosaic_crl_next_update_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000);
      expect(valueOf(served, 'mosaic_alerts_total{alert="audit_stalled"}')).toBe(0);
    });

    it('X-80 /metrics opens to its own token and to no other, and is not on the federation listener', async () => {
      const page = (token: string | null) => call(world.work, '/metrics', { token });
      const tokens = [null, '', 'x', world.metricsToken.slice(1), `${world.metricsToken}x`];
      const people = [world.work.adminToken, world.home.adminToken, seeded.alice.token];
      for (const token of [...tokens, ...people]) {
        const { status, body } = await page(token);
        expect([status, body.code]).toEqual([401, 'unauthenticated']);
        expect(JSON.stringify(body)).not.toContain('mosaic_federation');
      }
      const opened = await page(world.metricsToken);
      expect([opened.status, opened.headers.get('content-type')]).toEqual([
        200,
        'text/plain; version=0.0.4; charset=utf-8',
      ]);
      expect(opened.headers.get('cache-control')).toBe('no-store');
      expect((await call(world.work, '/api/admin/users', { token: world.metricsToken })).status).toBe(401);
      const hand = await enrollByHand(world.work, {
        user: seeded.alice.name,
        peer: 'metrics-by-hand',
        scope: { resources: ['tasks'], max_rows_per_query: 100 },
      });
      for (const path of ['/metrics', '/federation/metrics', '/federation/v1/metrics']) {
        const refused = await hand.get(path, { authorization: `Bearer ${world.metricsToken}` });
        expect([path, refused.status]).toEqual([path, 404]);
        expect(JSON.stringify(refused.body)).not.toContain('mosaic_federation');
      }
      await hand.remove();
    });
  });
};
