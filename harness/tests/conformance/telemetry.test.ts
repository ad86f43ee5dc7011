import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCollector, type Collector } from '../acceptance/collector.ts';
import { asking, read, setupBody } from './client.ts';
import { openDenoGateway } from './deno-gateway.ts';
import type { GatewayUnderTest } from './under-test.ts';

const TOKEN = `metrics-${crypto.randomUUID()}`;

describe('telemetry on Deno', () => {
  let collector: Collector;
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    collector = await startCollector();
    gateway = await openDenoGateway({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '50',
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        MOSAIC_METRICS_TOKEN: TOKEN,
      },
    });
  }, 120_000);
  afterAll(async () => {
    await gateway?.stop();
    await collector?.close();
  }, 60_000);

  it('M5-7 continues a program’s trace, and tells the collector', async () => {
    const setup = await asking(gateway)(null, 'POST', '/api/bootstrap/setup', setupBody(gateway, 'root'));
    const trace = crypto.randomUUID().replaceAll('-', '');
    const word = `canary${crypto.randomUUID().replaceAll('-', '')}`;
    const headers = {
      authorization: `Bearer ${setup.body.token.text}`,
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
    };
    const answer = await read(
      await gateway.publicFetch(`/api/query/search?q=${word}&source=local`, { headers }),
    );
    expect(answer.status).toBe(200);
    const found = () => collector.spans.filter(({ traceId }) => traceId === trace);
    await expect.poll(() => found().length, { timeout: 10_000 }).toBe(1);
    expect(found()[0]).toMatchObject({
      name: 'federation.query',
      service: 'mosaic-work',
      parentId: '00f067aa0ba902b7',
      attributes: { 'federation.verb': 'search', 'federation.source': 'local' },
    });
    await expect.poll(() => collector.metrics.size, { timeout: 10_000 }).toBe(1);
    expect(collector.bodies.join('\n')).not.toContain(word);
  });

  it('X-80 serves /metrics to its token alone', async () => {
    const page = async (headers: Readonly<Record<string, string>>) =>
      read(await gateway.publicFetch('/metrics', { headers }));
    expect((await page({})).status).toBe(401);
    const opened = await page({ authorization: `Bearer ${TOKEN}` });
    expect(opened.status).toBe(200);
    expect(opened.text).toContain('mosaic_service_up{service="database"} 1');
  });
});
