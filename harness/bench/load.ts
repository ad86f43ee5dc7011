import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

/**
 * A load generator in a process of its own, loopback only:
 * `node load.ts '{"origin": …, "path": …, "connections": …, "seconds": …, "headers": {}, "tls": {"ca", "cert", "key"} | null, "socket": null}'`
 * Prints one JSON line. Bounded in time; every answer must be 200 with rows, or it ends with an error.
 */
interface LoadOrder {
  readonly origin: string;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string } | null;
}

export interface LoadReport {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of this generator a request, milliseconds. */
  readonly generatorMs: number;
}

const order = JSON.parse(process.argv[2] ?? '') as LoadOrder;
const { hostname } = new URL(order.origin);
if (!['localhost', '127.0.0.1'].includes(hostname)) throw new Error('load goes to loopback only');

const tls =
  order.tls === null
    ? {}
    : Object.fromEntries(Object.entries(order.tls).map(([name, file]) => [name, readFileSync(file)]));
const pool = new Pool(order.origin, { connections: order.connections, pipelining: 1, connect: { ...tls } });

const request = { path: order.path, method: 'GET', headers: { ...order.headers } } as const;

/** By the lowest of undici's interfaces: what the generator spends is missing elsewhere on the same cores. */
const once = (): Promise<void> =>
  new Promise((resolve, reject) => {
    let status = 0;
    let bytes = 0;
    pool.dispatch(request, {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, statusCode) => {
        status = statusCode;
      },
      onResponseData: (_controller, chunk) => {
        bytes += chunk.byteLength;
      },
      onResponseEnd: () => {
        if (status === 200 && bytes >= 50) resolve();
        else reject(new Error(`answered ${status} with ${bytes} bytes`));
      },
      onResponseError: (_controller, error) => reject(error),
    });
  });

const times: number[] = [];
const worker = async (end: number): Promise<void> => {
  while (performance.now() < end) {
    const from = performance.now();
    await once();
    times.push(performance.now() - from);
  }
};

await Promise.all(Array.from({ length: order.connections }, once));
const begin = performance.now();
const spent = process.cpuUsage();
await Promise.all(Array.from({ length: order.connections }, () => worker(begin + order.seconds * 1000)));
const elapsed = (performance.now() - begin) / 1000;
const { user, system } = process.cpuUsage(spent);
times.sort((a, b) => a - b);
const quantile = (q: number): number =>
  Number((times[Math.min(times.length - 1, Math.floor(times.length * q))] ?? 0).toFixed(3));
const report: LoadReport = {
  requests: times.length,
  perSecond: times.length / elapsed,
  p50Ms: quantile(0.5),
  p99Ms: quantile(0.99),
  generatorMs: (user + system) / 1000 / times.length,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
await pool.close();
