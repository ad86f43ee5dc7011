import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { figure, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import { compare } from './measure.ts';
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
    const options = { connections: 16, pairs: 7, seconds: 2 };
    progress('tracing off against no hooks at all');
    const without = await stage.variant(subject, PATH, 'telemetry');
    const silent = await compare(without, await stage.variant(subject, PATH, 'nothing'), options);
    progress('tracing on, 10 % sampled, against tracing off');
    const off = await stage.another(subject, PATH);
    const watched = await stage.another(subject, PATH, {
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint,
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    });
    const traced = await compare(off, watched, options);
    return {
      figures: [
        figure('tracing off ÷ no hooks, throughput, 16 conn.', silent.throughputRatio, '≥ 0.99'),
        figure('tracing off ÷ no hooks, CPU a request', silent.cpuRatio),
        figure('tracing on (10 %) ÷ off, throughput, 16 conn.', traced.throughputRatio, '≥ 0.95'),
        figure('tracing on (10 %) ÷ off, CPU a request', traced.cpuRatio),
        figure('tracing on (10 %) ÷ off, p99', traced.p99Ratio),
      ],
    };
  } finally {
    sink.close();
  }
};
