import { DATABASE_CONDITIONS } from '../database/state.ts';
import { ERROR_CODES } from '../errors.ts';
import { PEER_STATES } from '../peers/peer.ts';
import { RESOURCES } from '../resources.ts';
import { HEALTH_CHECKS } from '../status/health-texts.ts';
import { ALERTS } from './alerts.ts';

/** Of a label that got a value outside its list: so nobody outside can make series. */
const OTHER = 'other';

interface MetricSpec {
  /** `counter` and `histogram` are fed as things happen; `total` (which only rises) and `gauge` are read when somebody looks. */
  readonly kind: 'counter' | 'histogram' | 'total' | 'gauge';
  readonly help: string;
  /** Every value a label can have, beside `OTHER`. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly buckets?: readonly number[];
  /** Begins at 0 for every value, so that the first time counts as a rise. */
  readonly startsAtZero?: true;
}

const NONE = {};
const DIRECTIONS = ['inbound', 'outbound'] as const;
const VERBS = ['capabilities', 'list', 'get', 'search', 'renew', 'checkpoint', 'unknown'] as const;
const OUTCOMES = ['allowed', 'denied', 'error', 'circuit_open'] as const;

/** The one table of metrics: code, docs/how-to/observability.md, dashboard and alert rules go by it, and a check compares them. */
export const METRICS = {
  mosaic_federation_requests_total: {
    kind: 'counter',
    help: 'Requests of peers (inbound) and questions to peers (outbound), the ones answered from the cache included.',
    labels: {
      direction: DIRECTIONS,
      verb: VERBS,
      resource: [...RESOURCES, 'none'],
      outcome: OUTCOMES,
      cached: ['true', 'false'],
    },
  },
  mosaic_federation_request_duration_seconds: {
    kind: 'histogram',
    help: 'How long they took, in seconds.',
    labels: { direction: DIRECTIONS, verb: VERBS, outcome: OUTCOMES },
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  mosaic_federation_denials_total: {
    kind: 'counter',
    help: 'What was refused, by error code: to peers and to redeemers (inbound), and by peers (outbound).',
    labels: { direction: DIRECTIONS, reason: ERROR_CODES },
  },
  mosaic_limiter_refusals_total: {
    kind: 'counter',
    help: 'Requests over a rate limit: of a grant, or of an enrollment’s address or token.',
    labels: { limiter: ['grant', 'enrollment'] },
    startsAtZero: true,
  },
  mosaic_audit_entries_total: {
    kind: 'total',
    help: 'Entries of the audit log that were accepted, written and dropped.',
    labels: { state: ['accepted', 'written', 'dropped'] },
  },
  mosaic_audit_dropped_total: {
    kind: 'total',
    help: 'Entries that were dropped, by what they were about.',
    labels: { class: ['allowed', 'denied', 'error', 'change'] },
  },
  mosaic_audit_waiting: { kind: 'gauge', help: 'Entries that wait to be written.', labels: NONE },
  mosaic_audit_capacity: {
    kind: 'gauge',
    help: 'Entries that may wait; what comes on top is dropped.',
    labels: NONE,
  },
  mosaic_response_cache_questions_total: {
    kind: 'total',
    help: 'Questions that the cache of peers’ answers could have answered.',
    labels: { result: ['hit', 'miss'] },
  },
  mosaic_peers: {
    kind: 'gauge',
    help: 'Peers that this gateway asks, by state; at most 1000 are counted.',
    labels: { state: PEER_STATES },
  },
  mosaic_circuits: {
    kind: 'gauge',
    help: 'The same peers, by the state of this process’s breaker.',
    labels: { state: ['closed', 'half_open', 'open'] },
  },
  mosaic_certificate_not_after_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the first of the certificates in use expires: those shown to peers, and the front’s own. Unix time.',
    labels: { certificate: ['peer', 'front'] },
  },
  mosaic_crl_next_update_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the front’s revocation list expires: after it, the front refuses everyone. Unix time.',
    labels: NONE,
  },
  mosaic_front_stale: {
    kind: 'gauge',
    help: '1 while something of the front could not be renewed.',
    labels: NONE,
  },
  mosaic_front_refused_lists_total: {
    kind: 'total',
    help: 'Revocation lists that were not put in force: older, expired or not accepted.',
    labels: NONE,
  },
  mosaic_revocations_lost: {
    kind: 'gauge',
    help: '1 while the database is older than the revocations this gateway has published: it refuses every peer.',
    labels: NONE,
  },
  mosaic_service_up: {
    kind: 'gauge',
    help: '1 when the service answers.',
    labels: { service: ['database', 'kv', 'ca'] },
  },
  mosaic_database_condition: {
    kind: 'gauge',
    help: '1 for how the database stands; all but ok are answered 503.',
    labels: { condition: DATABASE_CONDITIONS },
  },
  mosaic_health: {
    kind: 'gauge',
    help: '0 green, 1 yellow, 2 red: as /ready, the doctor and the status tell it.',
    labels: { check: HEALTH_CHECKS },
  },
  mosaic_alerts_total: {
    kind: 'counter',
    help: 'Log lines with `alert`: what needs a person.',
    labels: { alert: ALERTS },
    startsAtZero: true,
  },
  mosaic_telemetry_spans_total: {
    kind: 'counter',
    help: 'Spans that were recorded, and what became of them at the collector.',
    labels: { state: ['recorded', 'exported', 'failed'] },
    startsAtZero: true,
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;

export type MetricName = keyof typeof METRICS;
type OfKind<K extends MetricSpec['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];
export type CounterName = OfKind<'counter'>;
export type HistogramName = OfKind<'histogram'>;
export type ReadName = OfKind<'total' | 'gauge'>;

/** What is given for a metric: anything, but what is not in its list counts as `OTHER`. */
export type Labels<N extends MetricName> = Readonly<Record<keyof (typeof METRICS)[N]['labels'], string>>;

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

export const metricSpec = (name: MetricName): MetricSpec => METRICS[name];

const VALUES: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  METRIC_NAMES.flatMap((name) =>
    Object.entries(metricSpec(name).labels).map(
      ([label, values]) => [`${name} ${label}`, new Set(values)] as const,
    ),
  ),
);

/** The labels of the metric and no others, each with a value of its list: the number of series is bounded by the table. */
export const boundLabels = <N extends MetricName>(name: N, labels: Labels<N>): Record<string, string> => {
  const bound: Record<string, string> = {};
  for (const label of Object.keys(METRICS[name].labels)) {
    const value = (labels as Readonly<Record<string, string>>)[label] ?? OTHER;
    bound[label] = VALUES.get(`${name} ${label}`)?.has(value) === true ? value : OTHER;
  }
  return bound;
};

/** One value of what is read when somebody looks. */
export interface Reading<N extends ReadName = ReadName> {
  readonly name: N;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}
