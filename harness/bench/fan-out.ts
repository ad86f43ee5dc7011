import { must } from '../tests/acceptance/world.ts';
import { figure, type SectionReport } from './figure.ts';
import { alternate, type Target } from './measure.ts';
import type { Stage } from './stage.ts';

const SCOPE = { resources: ['tasks'], max_rows_per_query: 1_000 };
const PEERS = [1, 2, 4, 8] as const;

/** Somebody at A with so many peers, each of whom answers 50 of 200 rows. */
const personWith = async (stage: Stage, peers: number): Promise<Target> => {
  const { home, work } = stage.world;
  const person = await must(201, home, '/api/admin/users', { body: { name: `bench-asking-${peers}` } });
  const token = await must(201, home, '/api/admin/tokens', { body: { user_id: person.id, name: 'bench' } });
  for (let peer = 1; peer <= peers; peer += 1) {
    const name = `bench-source-${peer}-of-${peers}`;
    const user = await must(201, work, '/api/admin/users', { body: { name } });
    await work.sql(
      `insert into tasks (id, owner_id, team_id, title, status, created_at, updated_at)
       select gen_random_uuid(), $1::uuid, null, 'task ' || n, 'open', t, t
       from generate_series(1, 200) n, lateral (select date_trunc('milliseconds', now()) - n * interval '1 second' as t) x`,
      [user.id],
    );
    const created = await must(201, work, '/api/admin/grants', {
      body: { user: name, peer: name, scope: SCOPE, rate_limit_per_minute: 1_000_000, cache_ttl_seconds: 0 },
    });
    await must(201, home, '/api/admin/peers', {
      body: { enrollment_url: created.enrollment.url, user: person.id, name },
    });
  }
  return {
    origin: home.publicUrl,
    path: '/api/query/tasks?source=all&limit=50',
    headers: { authorization: `Bearer ${token.text}` },
    tls: { ca: stage.rootFile },
  };
};

/** `source=all` at A with one to eight peers, asked in turn: what one more peer costs. */
export const measureFanOut = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const targets: Target[] = [];
  for (const peers of PEERS) {
    progress(`enrolling ${peers} peers of one person`);
    targets.push(await personWith(stage, peers));
  }
  progress(`source=all with ${PEERS.join(', ')} peers`);
  const { p50Ms, toFirst } = await alternate(targets, 30, 10);
  return {
    figures: [
      figure('source=all with 8 peers, p50 (ms)', p50Ms.at(-1) ?? Number.NaN),
      figure('source=all, p50 with 8 peers ÷ with 1', toFirst.at(-1) ?? Number.NaN),
    ],
    plots: [
      {
        title: 'Asking several peers at once',
        x: 'peers',
        unit: 'p50 of source=all, ms',
        points: PEERS.map((peers, index) => [peers, p50Ms[index] ?? Number.NaN] as const),
      },
    ],
  };
};
