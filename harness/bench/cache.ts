import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bootEmbeddedWorld } from '../tests/acceptance/embedded-world.ts';
import { grantAndEnroll, seedPeople, type Seeded } from '../tests/acceptance/people.ts';
import { must, type World } from '../tests/acceptance/world.ts';
import { freePort } from '../devstack/components/sockets.ts';
import { figure, type SectionReport } from './figure.ts';
import { load, median, warmUp, type Measured, type Target } from './measure.ts';
import type { Stage } from './stage.ts';

const PAIRS = 5;
const SECONDS = 2;
const ROWS = 1_000;

const pairs = async (one: Target, other: Target, connections: number): Promise<[Measured, Measured][]> => {
  const measured: [Measured, Measured][] = [];
  await warmUp(one, other);
  for (let pair = 0; pair < PAIRS; pair += 1)
    measured.push([await load(one, connections, SECONDS), await load(other, connections, SECONDS)]);
  return measured;
};

const fill = async (world: World, owner: string): Promise<void> => {
  await world.work.sql(
    `insert into tasks (id, owner_id, team_id, title, body, status, created_at, updated_at)
       select gen_random_uuid(), $1::uuid, null, 'task ' || n, 'body of task ' || n, 'open',
         now() - n * interval '1 second', now() - n * interval '1 second' from generate_series(1, $2::int) n`,
    [owner, ROWS],
  );
};

const enrolled = async (world: World, { alice, ann }: Seeded, peerName: string) => {
  const scope = { resources: ['tasks'], max_rows_per_query: 1_000 };
  const peer = await grantAndEnroll(world, {
    subject: alice,
    localUser: ann,
    peerName,
    scope,
    cacheTtlSeconds: 300,
  });
  await must(200, world.work, `/api/admin/grants/${peer.grantId}`, {
    method: 'PATCH',
    body: { rate_limit_per_minute: 1_000_000 },
  });
  return peer;
};

/** CPU a request of everyone who has a part in it, the generator too: on few cores they share the throughput. */
const spent = (name: string, runs: readonly Measured[]) => {
  const of = (who: string, pick: (run: Measured) => number) =>
    figure(`${name}, CPU a request, ${who} (ms)`, median(runs.map(pick)));
  return [
    ...Object.keys(runs[0]?.othersMs ?? {}).map((who) => of(who, ({ othersMs }) => othersMs[who] ?? 0)),
    of('load generator', ({ generatorMs }) => generatorMs),
  ];
};

/** What the cache gains, and what a peer that is down costs, as a person at home meets it. */
const measure = async (
  tier: string,
  world: World,
  { ca, others }: { readonly ca: string | null; readonly others: Readonly<Record<string, number>> },
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const seeded = await seedPeople(world, 'bench-');
  await fill(world, seeded.alice.id);
  const live = await enrolled(world, seeded, 'live');
  const authorization = `Bearer ${seeded.ann.token}`;
  const target = (path: string, headers: Readonly<Record<string, string>> = {}): Target => ({
    origin: world.home.publicUrl,
    path: `/api/query/tasks?limit=50&${path}`,
    headers: { authorization, ...headers },
    tls: ca === null ? null : { ca },
    others,
  });
  const cached = target('source=federated:live');
  const uncached = target('source=federated:live', { 'cache-control': 'no-cache' });
  const ratio = (all: readonly [Measured, Measured][]): number =>
    Number(median(all.map(([fast, slow]) => fast.perSecond / slow.perSecond)).toFixed(2));
  progress('cached against uncached, 1 connection');
  const one = await pairs(cached, uncached, 1);
  progress('cached against uncached, 16 connections');
  const sixteen = await pairs(cached, uncached, 16);
  progress('a dead peer');
  await must(204, world.home, `/api/admin/peers/${live.peerId}`, { method: 'DELETE' });
  const dead = await enrolled(world, seeded, 'dead');
  await world.home.sql('update federation_peers set federation_url = $2 where id = $1', [
    dead.peerId,
    `https://localhost:${await freePort()}`,
  ]);
  const down = await pairs(target('source=all'), target('source=local'), 1);
  const added = (pick: (report: Measured) => number): number =>
    Number(median(down.map(([all, local]) => pick(all) - pick(local))).toFixed(3));
  return {
    figures: [
      figure(`${tier} cached list, throughput ÷ uncached, 1 conn.`, ratio(one), '≥ 5'),
      figure(`${tier} cached list, throughput ÷ uncached, 16 conn.`, ratio(sixteen), '≥ 5'),
      figure(
        `${tier} cached list, requests per second, 16 conn.`,
        median(sixteen.map(([fast]) => fast.perSecond)),
      ),
      ...spent(
        `${tier} cached list, 16 conn.`,
        sixteen.map(([fast]) => fast),
      ),
      ...spent(
        `${tier} uncached list, 16 conn.`,
        sixteen.map(([, slow]) => slow),
      ),
      figure(
        `${tier}, what a dead peer adds to source=local, p50 (ms)`,
        added((report) => report.p50Ms),
        '≤ 5',
      ),
      figure(
        `${tier}, what a dead peer adds to source=local, p99 (ms)`,
        added((report) => report.p99Ms),
      ),
    ],
  };
};

/** Both gateways in this process: what work spends on an answer is spent here too. */
export const measureCacheEmbedded = async (progress: (text: string) => void): Promise<SectionReport> => {
  const world = await bootEmbeddedWorld();
  try {
    return await measure('embedded', world, { ca: null, others: { gateways: process.pid } }, progress);
  } finally {
    await world.close();
  }
};

/** Postgres, Valkey and nginx on both sides. */
export const measureCache = async (
  { world }: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const file = path.join(world.handle.stateDir, 'bench-root.pem');
  await writeFile(file, world.handle.rootPem);
  const others = Object.fromEntries(
    world.handle.state.components
      .filter(({ name }) => /^(gateway|nginx|postgres|valkey)-/.test(name))
      .map(({ name, pid }) => [name, pid]),
  );
  return measure('federated', world, { ca: file, others }, progress);
};
