import { readFileSync } from 'node:fs';
import { enrollByHand, tlsGet, type HandMadeClient } from '../tests/acceptance/hand-made-client.ts';
import { end, startAsking, type Asked } from '../tests/acceptance/revoked-under-load.ts';
import { must } from '../tests/acceptance/world.ts';
import { figure, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import type { Stage } from './stage.ts';

const COUNT = 100;
const ENROLLED_AT_ONCE = 4;
const PATH = '/federation/v1/tasks?limit=50';
/** Of somebody whose grant stays, all the time; and of the one whose grant ends. */
const OTHERS = 4;
const OWN = 2;
/** Requests that were sent after the command returned, at least, on kept-alive and new connections. */
const AFTER = 20;
const GIVE_UP_MS = 30_000;

interface Ended {
  /** The command. */
  readonly commandMs: number;
  /** From when it was given, and from when it returned, until the front itself refused a handshake that began then. */
  readonly fenceMs: number;
  readonly fenceAfterReturnMs: number;
  /** Sent after the command had returned, and served. */
  readonly served: number;
  readonly after: number;
}

const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
};

/** When the first handshake began that the front refused; it is asked again and again, a new connection each time. */
const fenceOf = async (url: string, hand: HandMadeClient, stopping: AbortSignal): Promise<number> => {
  const [ca, cert, key] = [hand.caFile, hand.certFile, hand.keyFile].map((file) =>
    readFileSync(file, 'utf8'),
  );
  if (ca === undefined || cert === undefined || key === undefined) throw new Error('no certificate');
  while (!stopping.aborted) {
    const from = performance.now();
    const { status } = await tlsGet(url, { ca, cert, key }).catch(() => ({ status: 0 }));
    if (status === 401) return from;
  }
  throw new Error(`the front still admits a revoked certificate after ${GIVE_UP_MS} ms`);
};

const revokeOne = async ({ world }: Stage, hand: HandMadeClient): Promise<Ended> => {
  const url = `${world.work.federationUrl}${PATH}`;
  const load = startAsking(hand, url, OWN);
  // Its connections are made, and it is served.
  while (load.asked.filter(({ status }) => status === 200).length < 2 * OWN)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const fence = fenceOf(url, hand, AbortSignal.timeout(GIVE_UP_MS));
  const { startedAt, returnedAt } = await end(world.work, hand.grantId);
  const closedAt = await fence;
  const after = (): readonly Asked[] => load.asked.filter(({ sentAt }) => sentAt > returnedAt);
  while (after().length < AFTER) await new Promise((resolve) => setTimeout(resolve, 5));
  await load.stop();
  return {
    commandMs: returnedAt - startedAt,
    fenceMs: closedAt - startedAt,
    fenceAfterReturnMs: Math.max(0, closedAt - returnedAt),
    served: after().filter(({ status }) => status === 200).length,
    after: after().length,
  };
};

/** A hundred revocations, one after the other, while somebody else is served: what is promised of them, and how soon the fence is closed. */
export const measureRevocations = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const { world } = stage;
  const scope = { resources: ['tasks'], max_rows_per_query: 100 };
  const other = await stage.subject('bench-revocation', scope);
  await fillTasks(stage, other.userId, 1, 200);
  progress(`enrolling ${COUNT}`);
  const numbers = Array.from({ length: COUNT }, (_, index) => index);
  const hands: HandMadeClient[] = [];
  await Promise.all(
    Array.from({ length: ENROLLED_AT_ONCE }, async () => {
      for (let n = numbers.pop(); n !== undefined; n = numbers.pop()) {
        const hand = await enrollByHand(world.work, {
          user: 'bench-revocation',
          peer: `bench-revoked-${n}`,
          scope,
        });
        hands.push(hand);
        const body = { rate_limit_per_minute: 1_000_000 };
        await must(200, world.work, `/api/admin/grants/${hand.grantId}`, { method: 'PATCH', body });
      }
    }),
  );
  progress(`revoking ${COUNT}`);
  const load = startAsking(other.hand, `${world.work.federationUrl}${PATH}`, OTHERS);
  const ended: Ended[] = [];
  try {
    for (const hand of hands) ended.push(await revokeOne(stage, hand));
  } finally {
    await load.stop();
    for (const hand of hands) await hand.remove();
  }
  const of = (pick: (one: Ended) => number, q: number): number => quantile(ended.map(pick), q);
  const sum = (pick: (one: Ended) => number): number => ended.reduce((all, one) => all + pick(one), 0);
  const served = sum((one) => one.served);
  return {
    figures: [
      figure('revocations under load, served of what was sent after the command returned', served, '0'),
      figure(
        '  … of so many requests',
        sum((one) => one.after),
      ),
      figure(
        'revocation, until the front refuses a new handshake, from the command’s start, p50 (ms)',
        of((one) => one.fenceMs, 0.5),
      ),
      figure(
        'revocation, until the front refuses a new handshake, from the command’s start, p99 (ms)',
        of((one) => one.fenceMs, 0.99),
        '≤ 1000',
      ),
      figure(
        'revocation, the same from its return, p99 (ms)',
        of((one) => one.fenceAfterReturnMs, 0.99),
      ),
      figure(
        'revocation, the command itself, p50 (ms)',
        of((one) => one.commandMs, 0.5),
      ),
      figure(
        'revocation, the command itself, p99 (ms)',
        of((one) => one.commandMs, 0.99),
      ),
      figure('others’ requests meanwhile', load.asked.length),
      figure(
        'others’ requests meanwhile that were not served',
        load.asked.filter(({ status }) => status !== 200).length,
      ),
    ],
  };
};
