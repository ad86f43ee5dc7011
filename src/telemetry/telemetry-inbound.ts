import type { AuditDraft } from '../../domain/audit/chain.ts';
import type { Telemetry } from '../../domain/ports/telemetry.ts';
import { readTraceparent } from '../../domain/telemetry/traceparent.ts';
import type { AuditSink } from '../app/deps.ts';

type Attributes = Record<string, string | number | boolean>;

const attributesOf = (entry: AuditDraft): Attributes => {
  const { grantId, peerId, verb, resource, outcome, reasonCode, status, latencyMs } = entry;
  const attributes: Attributes = {
    'federation.direction': 'inbound',
    'federation.verb': verb,
    'federation.outcome': outcome,
    'federation.latency_ms': latencyMs,
    'federation.cached': false,
    'http.response.status_code': status,
  };
  if (grantId !== null) attributes['federation.grant'] = grantId;
  if (peerId !== null) attributes['federation.peer'] = peerId;
  if (resource !== null) attributes['federation.resource'] = resource;
  if (reasonCode !== null) attributes['federation.reason'] = reasonCode;
  return attributes;
};

const spanOf = (telemetry: Telemetry, entry: AuditDraft, header: string | undefined): void => {
  const parent = readTraceparent(header);
  if (entry.traceId === null) return;
  const context = telemetry.begin(entry.traceId, parent, 'peer');
  if (context === null) return;
  telemetry.end({
    context,
    parentId: parent?.spanId ?? null,
    name: 'federation.request',
    kind: 'server',
    startedAt: new Date(entry.at.getTime() - entry.latencyMs),
    durationMs: entry.latencyMs,
    isError: entry.outcome === 'error',
    attributes: attributesOf(entry),
  });
};

const count = (telemetry: Telemetry, entry: AuditDraft): void => {
  const { verb, outcome, reasonCode, latencyMs } = entry;
  const labels = { direction: 'inbound', verb, outcome };
  const resource = entry.resource ?? 'none';
  telemetry.count('mosaic_federation_requests_total', { ...labels, resource, cached: 'false' });
  telemetry.observe('mosaic_federation_request_duration_seconds', latencyMs / 1_000, labels);
  if (outcome === 'denied')
    telemetry.count('mosaic_federation_denials_total', {
      direction: 'inbound',
      reason: reasonCode ?? 'invalid_request',
    });
  if (reasonCode === 'rate_limited') telemetry.count('mosaic_limiter_refusals_total', { limiter: 'grant' });
};

/**
 * The audit log leaves exactly one entry for each request of a peer, whatever becomes of it, and the entry holds everything
 * that may be known of it outside: so spans and metrics of the serving side are made of entries, and of nothing else. Nobody
 * has to remember to report, and what never reaches an entry (the query, the certificate, rows) reaches no span either.
 * Where nobody watches the log is not wrapped, and costs what it cost.
 */
export const watchInbound = (audit: AuditSink, telemetry: Telemetry): AuditSink => {
  const tell = (entry: AuditDraft, header: string | undefined): void => {
    // A change of ours, not a request of a peer.
    if (entry.action !== null) return;
    spanOf(telemetry, entry, header);
    count(telemetry, entry);
  };
  const tellWritten = async (
    isWritten: Promise<boolean>,
    entry: AuditDraft,
    header: string | undefined,
  ): Promise<void> => {
    if (await isWritten) tell(entry, header);
  };
  return {
    ...audit,
    get counters() {
      return audit.counters;
    },
    record: (draft, header) => {
      tell(draft, header);
      return audit.record(draft);
    },
    // Each refusal is counted and traced, also where several of them are one entry.
    recordRepeated: (kind, draft, header) => {
      tell(draft, header);
      return audit.recordRepeated(kind, draft);
    },
    recordStrictly: (draft, header) => {
      const left = audit.recordStrictly(draft);
      // One that could not be written was not answered like this: the refusal in its place is an entry of its own.
      void tellWritten(left.isWritten, draft, header);
      return left;
    },
  };
};
