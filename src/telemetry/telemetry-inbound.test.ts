import { describe, expect, it } from 'vitest';
import type { AuditDraft, Linked } from '../../domain/audit/chain.ts';
import type { AuditSink } from '../app/deps.ts';
import { watchInbound } from './telemetry-inbound.ts';
import { recordTelemetry } from './telemetry.testkit.ts';

const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);
const HEADER = `00-${TRACE}-${SPAN}-01`;
const AT = new Date('2026-11-29T10:00:00.500Z');

const ENTRY: AuditDraft = {
  at: AT,
  grantId: '00000000-0000-4000-8000-000000000001',
  peerId: '00000000-0000-4000-8000-000000000002',
  subjectUserId: '00000000-0000-4000-8000-000000000003',
  actorUserId: null,
  verb: 'list',
  resource: 'tasks',
  action: null,
  queryHash: 'canary-hash',
  outcome: 'allowed',
  reasonCode: null,
  status: 200,
  bytesOut: 10,
  latencyMs: 2.5,
  traceId: TRACE,
};
const DENIED: AuditDraft = { ...ENTRY, outcome: 'denied', reasonCode: 'rate_limited', status: 429 };

const setUp = (isWritten = true) => {
  const recorded: AuditDraft[] = [];
  const linked = { leaf: new Uint8Array(0) } as unknown as Linked;
  const counters = { accepted: 0, written: 0, dropped: 0, droppedByClass: {} };
  const sink = {
    counters,
    record: (draft: AuditDraft) => {
      recorded.push(draft);
      return linked;
    },
    recordStrictly: (draft: AuditDraft) => {
      recorded.push(draft);
      return { linked, isWritten: Promise.resolve(isWritten) };
    },
  } as unknown as AuditSink;
  const watcher = recordTelemetry();
  const risen = () => watcher.metrics.filter(({ value, name }) => value > 0 && !name.includes('telemetry'));
  return { audit: watchInbound(sink, watcher.telemetry), recorded, risen, spans: watcher.spans, counters };
};

describe('the watched audit log', () => {
  it('M5-7 makes a span of an entry: the sender’s trace, its span as parent, the attributes of SPEC', () => {
    const { audit, spans, recorded } = setUp();
    audit.record(ENTRY, HEADER);
    expect(recorded).toEqual([ENTRY]);
    expect(spans).toEqual([
      {
        context: { traceId: TRACE, spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string },
        parentId: SPAN,
        name: 'federation.request',
        kind: 'server',
        startedAt: new Date(AT.getTime() - 2.5),
        durationMs: 2.5,
        isError: false,
        attributes: {
          'federation.direction': 'inbound',
          'federation.grant': ENTRY.grantId,
          'federation.peer': ENTRY.peerId,
          'federation.verb': 'list',
          'federation.resource': 'tasks',
          'federation.outcome': 'allowed',
          'federation.latency_ms': 2.5,
          'federation.cached': false,
          'http.response.status_code': 200,
        },
      },
    ]);
    expect(JSON.stringify(spans)).not.toContain('canary');
  });

  it('a request without a trace, or with a malformed one, is the first of the trace its entry names', () => {
    const { audit, spans } = setUp();
    audit.record(ENTRY, undefined);
    audit.record(ENTRY, `00-${'c'.repeat(32)}-${SPAN}-01-canary`);
    expect(spans.map(({ context, parentId }) => [context.traceId, parentId])).toEqual([
      [TRACE, null],
      [TRACE, null],
    ]);
  });

  it('counts requests, times, denials and refusals of the limiter; the grant is no label', () => {
    const { audit, risen, spans } = setUp();
    audit.record(DENIED, HEADER);
    const labels = { direction: 'inbound', verb: 'list', outcome: 'denied' };
    expect(risen()).toEqual([
      {
        name: 'mosaic_federation_requests_total',
        value: 1,
        labels: { ...labels, resource: 'tasks', cached: 'false' },
      },
      { name: 'mosaic_federation_request_duration_seconds', value: 0.0025, labels },
      {
        name: 'mosaic_federation_denials_total',
        value: 1,
        labels: { direction: 'inbound', reason: 'rate_limited' },
      },
      { name: 'mosaic_limiter_refusals_total', value: 1, labels: { limiter: 'grant' } },
    ]);
    expect(spans[0]?.attributes).toMatchObject({ 'federation.reason': 'rate_limited' });
  });

  it('leaves changes of our own out', () => {
    const { audit, risen, spans, recorded } = setUp();
    audit.record({ ...ENTRY, verb: 'enroll', action: 'grant.enroll' });
    expect([recorded.length, risen().length, spans.length]).toEqual([1, 0, 0]);
  });

  it.each([
    [true, 1],
    [false, 0],
  ])('an entry of a strict grant counts once it is written (%s)', async (isWritten, times) => {
    const { audit, spans } = setUp(isWritten);
    const left = audit.recordStrictly(ENTRY, HEADER);
    expect(await left.isWritten).toBe(isWritten);
    expect(spans).toHaveLength(times);
  });

  it('shows the counters of the log itself', () => {
    const { audit, counters } = setUp();
    counters.written = 7;
    expect(audit.counters.written).toBe(7);
  });
});
