import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { startCollector } from './collector.ts';
import { startEmbedded } from './embedded-world.ts';
import { bootFederatedWorld } from './federated-world.ts';
import { describeTracing, watchedBy, type WatchedWorld } from './tracing.ts';

const newSecrets = () => ({
  metricsToken: `metrics-${crypto.randomUUID()}`,
  collectorSecret: `collector-${crypto.randomUUID()}`,
});

/** What gateways and fronts wrote. (The authority's log names every certificate it issues: that is its business.) */
const logFiles = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, String(name)))
    .filter((file) => /\/(gateway|nginx)-[^/]*\/(.*\/)?[^/]*\.log$/.test(file) && statSync(file).isFile());

const bootEmbedded = async (): Promise<WatchedWorld> => {
  const collector = await startCollector();
  const secrets = newSecrets();
  const options = { environment: watchedBy(collector, secrets) };
  const [home, work] = [await startEmbedded('home', options), await startEmbedded('work', options)];
  const headersAtWork: string[][] = [];
  // Both gateways are in this process, and so is every request that reaches one.
  const onRequest = (message: unknown): void => {
    const { request } = message as { readonly request: IncomingMessage };
    if (request.url?.startsWith('/federation/v1/') === true)
      headersAtWork.push(
        request.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()),
      );
  };
  subscribe('http.server.request.start', onRequest);
  return {
    home,
    work,
    collector,
    ...secrets,
    headersAtWork,
    logs: () => Promise.resolve([...home.lines, ...work.lines].join('\n')),
    close: async () => {
      unsubscribe('http.server.request.start', onRequest);
      await Promise.all([home.stop(), work.stop()]);
      await collector.close();
    },
  };
};

/** nginx buffers its log for a second. */
const FLUSH_MS = 1_500;

const bootFederated = async (): Promise<WatchedWorld> => {
  const collector = await startCollector();
  const secrets = newSecrets();
  const world = await bootFederatedWorld({ gatewayEnvironment: watchedBy(collector, secrets) });
  return {
    ...world,
    collector,
    ...secrets,
    headersAtWork: null,
    logs: async () => {
      await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
      return logFiles(world.handle.stateDir)
        .map((file) => readFileSync(file, 'utf8'))
        .join('\n');
    },
    close: async () => {
      await world.close();
      await collector.close();
    },
  };
};

describeTracing('the embedded tier', bootEmbedded);
describeTracing('Postgres, Valkey, step-ca and nginx', bootFederated);
