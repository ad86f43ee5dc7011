import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AlternateReport } from './alternate.ts';
import type { LoadReport } from './load.ts';
import { cpuMs, treeCpuMs } from './machine.ts';

const run = promisify(execFile);
const LOAD = fileURLToPath(new URL('load.ts', import.meta.url));
const ALTERNATE = fileURLToPath(new URL('alternate.ts', import.meta.url));

export interface Target {
  /** The process whose CPU time counts. */
  readonly pid?: number;
  /** More processes whose CPU time is told apart, with what came of each. */
  readonly others?: Readonly<Record<string, number>>;
  readonly origin: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string } | null;
}

export interface Measured extends LoadReport {
  /** CPU time of the serving process a request, milliseconds; NaN where no process was named. */
  readonly cpuMs: number;
  /** CPU time of each of the others a request, milliseconds. */
  readonly othersMs: Readonly<Record<string, number>>;
}

export const load = async (target: Target, connections: number, seconds: number): Promise<Measured> => {
  const { pid, others = {}, ...order } = target;
  const before = pid === undefined ? Number.NaN : cpuMs(pid);
  const names = Object.entries(others).map(([name, root]) => ({ name, root, was: treeCpuMs(root) }));
  const { stdout } = await run(process.execPath, [LOAD, JSON.stringify({ ...order, connections, seconds })]);
  const report = JSON.parse(stdout) as LoadReport;
  const othersMs = Object.fromEntries(
    names.map(({ name, root, was }) => [name, (treeCpuMs(root) - was) / report.requests]),
  );
  return {
    ...report,
    othersMs,
    cpuMs: pid === undefined ? Number.NaN : (cpuMs(pid) - before) / report.requests,
  };
};

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

export interface Comparison {
  /** Median over the pairs of product ÷ floor. */
  readonly throughputRatio: number;
  readonly p50Ratio: number;
  readonly p99Ratio: number;
  /** NaN where no processes were named. */
  readonly cpuRatio: number;
  readonly floor: Measured;
  readonly product: Measured;
}

/**
 * A process that has just been started interprets and compiles for its first 5,000 to 10,000 requests, the longer the more code it
 * has: a gateway's first thousand cost twice what they cost later, a floor's hardly more.
 */
const WARM_UP = { connections: 16, seconds: 8 } as const;

export const warmUp = async (...targets: readonly Target[]): Promise<void> => {
  for (const target of targets) await load(target, WARM_UP.connections, WARM_UP.seconds);
};

/** Floor and product alternately, so that what the machine does besides hits both. */
export const compare = async (
  floor: Target,
  product: Target,
  options: { readonly connections: number; readonly pairs: number; readonly seconds: number },
): Promise<Comparison> => {
  const pairs: { readonly floor: Measured; readonly product: Measured }[] = [];
  await warmUp(floor, product);
  for (let pair = 0; pair < options.pairs; pair += 1) {
    const order = pair % 2 === 0 ? [floor, product] : [product, floor];
    const reports = [];
    for (const target of order) reports.push(await load(target, options.connections, options.seconds));
    const [first, second] = reports;
    if (first === undefined || second === undefined) throw new Error('no report');
    pairs.push(pair % 2 === 0 ? { floor: first, product: second } : { floor: second, product: first });
  }
  const ratio = (pick: (report: Measured) => number): number =>
    Number(median(pairs.map((pair) => pick(pair.product) / pick(pair.floor))).toFixed(3));
  const middle = pairs[Math.floor(pairs.length / 2)];
  if (middle === undefined) throw new Error('no pairs');
  return {
    throughputRatio: ratio((report) => report.perSecond),
    p50Ratio: ratio((report) => report.p50Ms),
    p99Ratio: ratio((report) => report.p99Ms),
    cpuRatio: ratio((report) => report.cpuMs),
    ...middle,
  };
};

export interface Alternated {
  /** Median over the rounds, for each target. */
  readonly p50Ms: readonly number[];
  /** Median over the rounds of a target's p50 ÷ the first one's of the same round. */
  readonly toFirst: readonly number[];
}

/** Several targets in turn over one connection each: for ratios of a few percent on a machine that is never quite quiet. */
export const alternate = async (targets: readonly Target[], rounds = 60, block = 20): Promise<Alternated> => {
  const order = { targets: targets.map(({ pid: _pid, ...target }) => target), rounds, block };
  const { stdout } = await run(process.execPath, [ALTERNATE, JSON.stringify(order)]);
  const { p50Ms } = JSON.parse(stdout) as AlternateReport;
  const [first = []] = p50Ms;
  return {
    p50Ms: p50Ms.map(median),
    toFirst: p50Ms.map((times) => median(times.map((time, round) => time / (first[round] ?? time)))),
  };
};

export interface Likeness {
  /** Medians over the rounds of `changed` ÷ `plain`. */
  readonly throughput: number;
  readonly cpu: number;
  readonly p99: number;
  /** Each round's throughput, for a look at how much they differ. */
  readonly rounds: readonly number[];
}

const ROUNDS = 3;

/**
 * For what differs by a few percent: two processes of one and the same program do so, too, for as long as they live. So
 * each round starts them anew.
 */
export const compareAnew = async (
  start: () => Promise<{ readonly plain: Target; readonly changed: Target; end(): Promise<void> }>,
): Promise<Likeness> => {
  const found: Comparison[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { plain, changed, end } = await start();
    found.push(await compare(plain, changed, { connections: 16, pairs: 6, seconds: 1.5 }));
    await end();
  }
  const rounds = found.map(({ throughputRatio }) => throughputRatio);
  return {
    throughput: median(rounds),
    cpu: median(found.map(({ cpuRatio }) => cpuRatio)),
    p99: median(found.map(({ p99Ratio }) => p99Ratio)),
    rounds,
  };
};
