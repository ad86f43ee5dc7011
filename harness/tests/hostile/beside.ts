import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { residentMiB } from '../../bench/machine.ts';
import { startAttack } from './attacker-process.ts';
import type { Attack } from './attacks.ts';
import type { Attacked, Battlefield } from './battlefield.ts';
import type { Tally } from './floods.ts';

const LIST = '/federation/v1/tasks?limit=50';
const PAUSE_MS = 5;
const SAMPLE_MS = 20;
const GIVEN_UP_MS = 30_000;
const HEALTHY_MS = 30_000;

/** What a good peer met. */
export interface Met {
  readonly asked: number;
  readonly answered: number;
  /** Anything but a 200, by status; `error` for a connection that broke or took too long. */
  readonly others: Tally;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Beside {
  readonly alone: Met;
  readonly beside: Met;
  /** What the attacker got. */
  readonly tally: Tally;
  /** Resident memory before, and the most there was meanwhile, MiB. */
  readonly residentMiB: readonly [before: number, most: number];
  /**
   * The most CPU time that the gateway's first thread spent while one cheap request waited, milliseconds: how long its loop was held,
   * whatever else the machine does.
   */
  readonly heldMs: number;
  /** Answers to somebody who looked at the public listener meanwhile, other than 200. */
  readonly publicOthers: Tally;
}

/** CPU time of a process's first thread so far, milliseconds. */
export const firstThreadMs = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;

const poolOf = (origin: string, connections: number, ca: string | null, material: object = {}): Pool =>
  new Pool(origin, {
    connections,
    pipelining: 1,
    headersTimeout: GIVEN_UP_MS,
    bodyTimeout: GIVEN_UP_MS,
    connect: { ...(ca === null ? {} : { ca }), ...material, timeout: GIVEN_UP_MS },
  });

const statusOf = async (pool: Pool, path: string): Promise<number> => {
  const { statusCode, body } = await pool.request({ path, method: 'GET' });
  await body.dump();
  return statusCode;
};

/** A good peer that asks over some connections, in the usual way, until told to stop. */
const goodPeer = async (attacked: Attacked, connections: number, until: AbortSignal): Promise<Met> => {
  const { ca, cert, key } = attacked.good;
  const pool = poolOf(attacked.gateway.federationUrl, connections, ca, { cert, key });
  const times: number[] = [];
  const others: Tally = {};
  let answered = 0;
  const worker = async (): Promise<void> => {
    while (!until.aborted) {
      const from = performance.now();
      const status = await statusOf(pool, LIST).catch(() => 'error');
      times.push(performance.now() - from);
      if (status === 200) answered += 1;
      else others[status] = (others[status] ?? 0) + 1;
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  await pool.destroy();
  times.sort((a, b) => a - b);
  return {
    asked: times.length,
    answered,
    others,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
};

/** Somebody who looks whether the gateway is there. */
const watchLoop = async (
  { gateway, pid, good }: Attacked,
  until: AbortSignal,
): Promise<Pick<Beside, 'heldMs' | 'publicOthers'>> => {
  const pool = poolOf(gateway.publicUrl, 1, gateway.publicUrl.startsWith('https:') ? good.ca : null);
  const publicOthers: Tally = {};
  let heldMs = 0;
  while (!until.aborted) {
    const before = firstThreadMs(pid);
    const status = await statusOf(pool, '/health').catch(() => 'error');
    heldMs = Math.max(heldMs, firstThreadMs(pid) - before);
    if (status !== 200) publicOthers[status] = (publicOthers[status] ?? 0) + 1;
    await sleep(PAUSE_MS);
  }
  await pool.destroy();
  return { heldMs, publicOthers };
};

const watchMemory = async (pid: number, until: AbortSignal): Promise<number> => {
  let most = 0;
  while (!until.aborted) {
    most = Math.max(most, residentMiB(pid));
    await sleep(SAMPLE_MS);
  }
  return most;
};

const during = async (attacked: Attacked, connections: number, ms: number) => {
  const until = AbortSignal.timeout(ms);
  const [met, watched, most] = await Promise.all([
    goodPeer(attacked, connections, until),
    watchLoop(attacked, until),
    watchMemory(attacked.pid, until),
  ]);
  return { met, watched, most };
};

/** Waits until the gateway answers a good peer again. @throws Error when it does not */
const healthy = async (attacked: Attacked): Promise<void> => {
  for (const end = Date.now() + HEALTHY_MS; Date.now() < end; await sleep(100)) {
    const { answered, asked } = await goodPeer(attacked, 1, AbortSignal.timeout(50));
    if (answered === asked && asked > 0) return;
  }
  throw new Error(`${attacked.gateway.name} did not answer a good peer for ${HEALTHY_MS / 1000} s`);
};

export interface Span {
  readonly aloneMs: number;
  readonly besideMs: number;
  /** Of the good peer. */
  readonly connections: number;
}

/**
 * A good peer alone, and then beside one attack.
 * @throws Error when the gateway does not recover, or when the attack did not take place
 */
export const beside = async (field: Battlefield, attack: Attack, span: Span): Promise<Beside> => {
  const attacked = field[attack.at];
  await healthy(attacked);
  const alone = await during(attacked, span.connections, span.aloneMs);
  const before = residentMiB(attacked.pid);
  if (attack.peer !== undefined) await field.hostile.give(attack.peer);
  const running = await startAttack({ name: attack.name, victim: attacked.victim });
  const measured = await during(attacked, span.connections, span.besideMs);
  const served = field.hostile.served();
  const tally = await running.stop();
  if (attack.peer !== undefined) {
    await field.hostile.give({});
    if (served === 0) throw new Error(`nobody took what the hostile peer gave: ${attack.name}`);
  }
  return {
    alone: alone.met,
    beside: measured.met,
    tally: attack.peer === undefined ? tally : { ...tally, served },
    residentMiB: [before, Math.max(before, measured.most)],
    ...measured.watched,
  };
};
