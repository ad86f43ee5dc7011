import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { figure, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import { compareAnew } from './measure.ts';
import type { Stage } from './stage.ts';

const PATH = '/federation/v1/tasks?limit=50';

/** Takes what a gateway sends, and looks at none of it: a collector's own work is somebody else's. */
const startSink = async (): Promise<{ readonly endpoint: string; close(): void }> => {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

/** What tracing costs: off, against a gateway whose source has no hook for it; on, one request in ten, against off. */
export const measureTracing = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const subject = await stage.subject('bench-tracing', { resources: ['tasks'], max_rows_per_query: 1_000 });
  await fillTasks(stage, subject.userId, 1, 1_000);
  const sink = await startSink();
  try {
    progress('tracing off against no hooks at all');
    const silent = await compareAnew(async () => {
      // The hooks are cut out of the source, so these two can not be one process.
      const [cut, plain] = [
        await stage.variant(subject, PATH, 'telemetry'),
        await stage.variant(subject, PATH, 'nothing'),
      ];
      const end = async (): Promise<void> => {
        await cut.end();
        await plain.end();
      };
      return { plain: cut.whole, changed: plain.whole, end };
    });
    progress('tracing on, 10 % sampled, against tracing off');
    const traced = await compareAnew(async () => {
      const off = await stage.another(subject, PATH);
      const on = await stage.another(subject, PATH, {
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint,
        OTEL_TRACES_SAMPLER_ARG: '0.1',
      });
      const end = async (): Promise<void> => {
        await off.end();
        await on.end();
      };
      return { plain: off, changed: on, end };
    });
    return {
      figures: [
        figure('tracing off ÷ no hooks, throughput, 16 conn.', silent.throughput, '≥ 0.99'),
        figure('the same, lowest round', Math.min(...silent.rounds)),
        figure('the same, highest round', Math.max(...silent.rounds)),
        figure('tracing off ÷ no hooks, CPU a request', silent.cpu),
        figure('tracing on (10 %) ÷ off, throughput, 16 conn.', traced.throughput, '≥ 0.95'),
        figure('the same, lowest round', Math.min(...traced.rounds)),
        figure('the same, highest round', Math.max(...traced.rounds)),
        figure('tracing on (10 %) ÷ off, CPU a request', traced.cpu),
        figure('tracing on (10 %) ÷ off, p99', traced.p99),
      ],
    };
  } finally {
    sink.close();
  }
};
