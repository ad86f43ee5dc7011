import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

/**
 * Asks several targets in turn, a block of requests each over one connection of its own, round after round, so that
 * whatever else the machine does meets all of them alike: `node alternate.ts '{"targets": […], "rounds": …, "block": …}'`.
 * Loopback only; every answer must be 200 with rows. Prints one JSON line.
 */
interface AlternateOrder {
  readonly targets: readonly {
    readonly origin: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string } | null;
  }[];
  readonly rounds: number;
  readonly block: number;
}

/** Medians of each round's block, a list for each target, milliseconds. */
export interface AlternateReport {
  readonly p50Ms: readonly (readonly number[])[];
}

const order = JSON.parse(process.argv[2] ?? '') as AlternateOrder;

const targets = order.targets.map(({ origin, path, headers, tls }) => {
  if (!['localhost', '127.0.0.1'].includes(new URL(origin).hostname))
    throw new Error('load goes to loopback only');
  const connect = Object.fromEntries(
    Object.entries(tls ?? {}).map(([name, file]) => [name, readFileSync(file)]),
  );
  const pool = new Pool(origin, { connections: 1, pipelining: 1, connect });
  const once = async (): Promise<number> => {
    const begin = performance.now();
    const { statusCode, body } = await pool.request({ path, method: 'GET', headers: { ...headers } });
    const bytes = (await body.arrayBuffer()).byteLength;
    if (statusCode !== 200 || bytes < 50) throw new Error(`answered ${statusCode} with ${bytes} bytes`);
    return performance.now() - begin;
  };
  return { once, close: () => pool.close() };
});

const medianOf = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

const p50Ms = targets.map((): number[] => []);
// The first rounds are not counted: connections are opened, statements planned.
for (let round = -3; round < order.rounds; round += 1) {
  for (let turn = 0; turn < targets.length; turn += 1) {
    const at = (turn + Math.max(0, round)) % targets.length;
    const times: number[] = [];
    while (times.length < order.block) times.push((await targets[at]?.once()) ?? 0);
    if (round >= 0) p50Ms[at]?.push(Number(medianOf(times).toFixed(4)));
  }
}
process.stdout.write(`${JSON.stringify({ p50Ms } satisfies AlternateReport)}\n`);
for (const { close } of targets) await close();
