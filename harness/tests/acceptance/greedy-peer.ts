import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_PAGE_BYTES } from '../../../domain/paging/page-bytes.ts';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { seedPeople, type Seeded } from './people.ts';
import { must, type World, type WorldGateway } from './world.ts';

const LISTS = 50;
const ROUNDS = 4;
/** A row of 99,000 control characters, each six bytes as JSON. */
const ROW_BYTES = 600 * 1024;
/** A page, the row that passes it, and its envelope. */
const MOST_BYTES = MAX_PAGE_BYTES + ROW_BYTES + 4_096;
/** What one gateway may grow by, whatever a peer asks for: it was 1,300 MB (FAULTS F-5). */
const GROWTH_KB = 256 * 1024;
/** Longest that the gateway's event loop may be held up, and a health check with it, on a machine with nothing else to do. */
const BLOCKED_MS = 200;
/** Health checks that tell how long they take without the greedy peer. */
const CHECKS = 100;

/** Most memory that a process has had so far, in KiB. */
const peakOf = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);

/** The slowest of all but a few: those the scheduler of a busy machine held up. */
const quantile = (times: readonly number[], q: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) * q)] ?? Infinity;

/** Health checks one after the other, by a program of its own: this process is busy with the peers. */
const startChecks = (work: WorldGateway, caFile: string) => {
  const times: number[] = [];
  const url = `${work.publicUrl}/health#[1-1000000]`;
  const child = spawn('curl', [
    '--silent',
    '--cacert',
    caFile,
    '-o',
    '/dev/null',
    '-w',
    '%{stderr}%{http_code} %{time_total}\\n',
    url,
  ]);
  let left = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${left}${text}`.split('\n');
    left = lines.pop() ?? '';
    for (const line of lines) {
      const [status, seconds] = line.split(' ');
      times.push(status === '200' ? Number(seconds) * 1_000 : Infinity);
    }
  });
  return {
    /** Milliseconds of each since the last call. */
    take: (): readonly number[] => times.splice(0),
    count: (): number => times.length,
    stop: (): void => void child.kill(),
  };
};

/**
 * FAULTS F-5, at layer E: one peer within its limit does its worst.
 *
 * @param pidOf process of the gateway at work; null where it is this one, together with its database and the test
 */
export const describeGreedyPeer = <W extends World>(
  components: string,
  boot: () => Promise<W>,
  pidOf: (world: W) => number | null,
): void => {
  describe(`a greedy peer on ${components}`, () => {
    let world: W;
    let seeded: Seeded;
    let greedy: HandMadeClient;
    let modest: HandMadeClient;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'f5-');
      const scope = { resources: ['tasks', 'notes'], max_rows_per_query: 10_000 };
      greedy = await enrollByHand(world.work, { user: seeded.carol.name, peer: 'f5-greedy', scope });
      modest = await enrollByHand(world.work, { user: seeded.alice.name, peer: 'f5-modest', scope });
      await must(200, world.work, `/api/admin/grants/${greedy.grantId}`, {
        method: 'PATCH',
        body: { rate_limit_per_minute: LISTS * ROUNDS },
      });
      await world.work.sql(
        `insert into notes (id, owner_id, title, body, created_at, updated_at)
         select gen_random_uuid(), $1::uuid, 'greedy ' || n, repeat(chr(1), 99000), date_trunc('milliseconds', now()) - n * interval '1 ms', now()
         from generate_series(1, 40) n`,
        [seeded.carol.id],
      );
    }, 150_000);
    afterAll(async () => {
      await Promise.all([greedy?.remove(), modest?.remove()]);
      await world?.close();
    });

    it('F-5 has its lists answered in its turn, in pages of a bounded size, and nobody else waits for it', async () => {
      const pid = pidOf(world);
      const before = pid === null ? 0 : peakOf(pid);
      const checks = startChecks(world.work, modest.caFile);
      try {
        await expect.poll(checks.count, { timeout: 60_000 }).toBeGreaterThan(CHECKS);
        // What a busy machine makes of a health check anyway.
        const usual = Math.max(...checks.take());
        let blocked = Infinity;
        for (let round = 0; round < ROUNDS && blocked >= Math.max(BLOCKED_MS, 2 * usual); round += 1) {
          const done = new AbortController();
          const others: number[] = [];
          const ask = async (): Promise<void> => {
            while (!done.signal.aborted)
              others.push((await modest.get('/federation/v1/tasks?limit=1')).status);
          };
          const asking = ask();
          const lists = await Promise.all(
            Array.from({ length: LISTS }, () => greedy.get('/federation/v1/notes?limit=10000')),
          );
          done.abort();
          await asking;
          const answered = lists.filter(({ status }) => status === 200);
          expect(answered.length).toBeGreaterThan(0);
          // On a busy machine the last of them wait for longer than anybody may: they, and nobody else.
          for (const { status, headers, body } of lists.filter((one) => one.status !== 200))
            expect([status, body.code, headers['retry-after']]).toEqual([503, 'unavailable', '1']);
          for (const { headers, body } of answered) {
            expect(Number(headers['content-length'] ?? 0)).toBeLessThanOrEqual(MOST_BYTES);
            expect(body.items.length).toBeGreaterThan(0);
            expect(body.next_cursor).not.toBeNull();
          }
          expect(others.length).toBeGreaterThan(0);
          expect(new Set(others)).toEqual(new Set([200]));
          const during = checks.take();
          expect(during.length).toBeGreaterThan(0);
          expect(during).not.toContain(Infinity);
          // Where the database is in the same process it holds that up, too.
          blocked = pid === null ? 0 : quantile(during, 0.95);
        }
        expect(blocked).toBeLessThan(Math.max(BLOCKED_MS, 2 * usual));
      } finally {
        checks.stop();
      }
      if (pid !== null) expect(peakOf(pid) - before).toBeLessThan(GROWTH_KB);
    }, 240_000);
  });
};
