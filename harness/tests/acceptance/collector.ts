import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}

interface KeyValue {
  readonly key: string;
  readonly value: Value;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code?: number };
}

interface Export {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

/** A span as the collector got it. */
export interface CollectedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly name: string;
  readonly kind: 'server' | 'client';
  readonly durationMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Collector {
  readonly endpoint: string;
  readonly spans: readonly CollectedSpan[];
  /** Names of metrics by the service that sent them. */
  readonly metrics: ReadonlyMap<string, ReadonlySet<string>>;
  /** Every body, as it came. */
  readonly bodies: readonly string[];
  readonly headers: readonly IncomingHttpHeaders[];
  close(): Promise<void>;
}

const plain = ({ stringValue, intValue, doubleValue, boolValue }: Value): string | number | boolean | null =>
  stringValue ?? doubleValue ?? boolValue ?? (intValue === undefined ? null : Number(intValue));

const read = (attributes: readonly KeyValue[]): CollectedSpan['attributes'] =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));

const SERVER = 2;
const ERROR = 2;

const spansOf = ({ resourceSpans = [] }: Export): readonly CollectedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: String(read(resource.attributes)['service.name']),
        traceId: span.traceId,
        spanId: span.spanId,
        parentId: span.parentSpanId === undefined || span.parentSpanId === '' ? null : span.parentSpanId,
        name: span.name,
        kind: span.kind === SERVER ? ('server' as const) : ('client' as const),
        durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        isError: span.status.code === ERROR,
        attributes: read(span.attributes),
      })),
    ),
  );

/** What an operator runs to receive OTLP over HTTP, as far as tests need it: gateways send to it as they would to any. */
export const startCollector = async (): Promise<Collector> => {
  const spans: CollectedSpan[] = [];
  const metrics = new Map<string, Set<string>>();
  const bodies: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      bodies.push(body);
      headers.push(request.headers);
      const sent = JSON.parse(body) as Export;
      if (request.url === '/v1/traces') spans.push(...spansOf(sent));
      for (const { resource, scopeMetrics } of sent.resourceMetrics ?? []) {
        const service = String(read(resource.attributes)['service.name']);
        const names = metrics.get(service) ?? new Set();
        for (const { metrics: all } of scopeMetrics) for (const { name } of all) names.add(name);
        metrics.set(service, names);
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    bodies,
    headers,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
