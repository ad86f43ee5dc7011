import { describe, expect, it } from 'vitest';
import type { LogFields } from '../../domain/ports/basics.ts';
import { METRICS, METRIC_NAMES, boundLabels, metricSpec } from '../../domain/telemetry/metrics.ts';
import { countAlerts } from './telemetry.ts';
import { recordTelemetry } from './telemetry.testkit.ts';

const TRACE = 'a'.repeat(32);

describe('metrics', () => {
  it('X-48 a label takes values of its list only, whatever somebody puts there, and no label beside the table’s', () => {
    const given = { direction: 'inbound', reason: 'not_found', q: 'canary' };
    expect(boundLabels('mosaic_federation_denials_total', given)).toEqual({
      direction: 'inbound',
      reason: 'not_found',
    });
    const made = { direction: 'inbound', reason: 'canary-5b1c' };
    expect(boundLabels('mosaic_federation_denials_total', made).reason).toBe('other');
  });

  it('has no series that somebody outside can multiply: the whole table is bounded', () => {
    const series = METRIC_NAMES.map((name) => {
      const { labels, buckets } = metricSpec(name);
      const combinations = Object.values(labels).reduce((product, { length }) => product * (length + 1), 1);
      return combinations * ((buckets?.length ?? -2) + 3);
    });
    expect(Math.max(...series)).toBeLessThan(6_000);
    const named = METRIC_NAMES.flatMap((name) => Object.keys(METRICS[name].labels));
    for (const unbounded of ['grant', 'peer', 'user', 'subject', 'path', 'url', 'query', 'trace', 'address'])
      expect(named).not.toContain(unbounded);
  });

  it('begins at 0 where the first time must count as a rise', () => {
    const { metrics } = recordTelemetry();
    expect(metrics).toContainEqual({
      name: 'mosaic_alerts_total',
      value: 0,
      labels: { alert: 'audit_two_heads' },
    });
    expect(metrics.every(({ value }) => value === 0)).toBe(true);
  });

  it('counts log lines that need a person, and passes every line on', () => {
    const { telemetry, metrics } = recordTelemetry();
    const lines: unknown[] = [];
    const line = (level: string) => (message: string, fields?: LogFields) =>
      lines.push([level, message, fields]);
    const log = countAlerts(
      { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      telemetry,
    );
    log.error('the audit log cannot be written; check the database', { alert: 'audit_stalled', waiting: 3 });
    log.warn('something else');
    log.info('nobody knows', { alert: 'canary' });
    expect(lines).toEqual([
      [
        'error',
        'the audit log cannot be written; check the database',
        { alert: 'audit_stalled', waiting: 3 },
      ],
      ['warn', 'something else', undefined],
      ['info', 'nobody knows', { alert: 'canary' }],
    ]);
    expect(metrics.filter(({ value }) => value > 0)).toEqual([
      { name: 'mosaic_alerts_total', value: 1, labels: { alert: 'audit_stalled' } },
      { name: 'mosaic_alerts_total', value: 1, labels: { alert: 'other' } },
    ]);
  });
});

describe('spans', () => {
  it('M5-7 has ids of its own within the trace that it was given', () => {
    const { telemetry } = recordTelemetry();
    const parent = { traceId: TRACE, spanId: 'b'.repeat(16), isSampled: true };
    const spans = Array.from({ length: 1_000 }, () => telemetry.begin(TRACE, parent, 'client'));
    expect(new Set(spans.map((span) => span?.spanId)).size).toBe(1_000);
    for (const span of spans) {
      expect(span?.traceId).toBe(TRACE);
      expect(span?.spanId).toMatch(/^[0-9a-f]{16}$/);
    }
    const [first] = spans;
    if (first === null || first === undefined) throw new Error('not recorded');
    expect(telemetry.within(first)).toMatchObject({ traceId: TRACE });
    expect(telemetry.within(first).spanId).not.toBe(first.spanId);
  });

  it('records none that was not drawn', () => {
    const { telemetry } = recordTelemetry({ ratio: 0, wishesPerSecond: 0 });
    expect(telemetry.begin(TRACE, null, 'client')).toBeNull();
  });
});
