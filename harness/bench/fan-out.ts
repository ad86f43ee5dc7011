import { must } from '../acceptance/world.ts';
import { figure, type SectionReport } from './figure.ts';
import { load, median } from './measure.ts';
import type { Stage } from './stage.ts';

const SCOPE = { resources: ['tasks'], max_rows_per_query: 1_000 };

/** `source=all` at A with one to eight peers, each answering 50 rows: what one more peer costs. */
export const measureFanOut = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const { home, work } = stage.world;
  const person = await must(201, home, '/api/admin/users', { body: { name: 'bench-asking' } });
  const token = await must(201, home, '/api/admin/tokens', { body: { user_id: person.id, name: 'bench' } });
  const points: (readonly [number, number])[] = [];
  for (let peers = 1; peers <= 8; peers += 1) {
    const name = `bench-source-${peers}`;
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
    if (![1, 2, 4, 8].includes(peers)) continue;
    progress(`source=all with ${peers} peers`);
    const target = {
      origin: home.publicUrl,
      path: '/api/query/tasks?source=all&limit=50',
      headers: { authorization: `Bearer ${token.text}` },
      tls: { ca: stage.rootFile },
    };
    await load(target, 1, 1);
    const runs: number[] = [];
    while (runs.length < 5) runs.push((await load(target, 1, 1)).p50Ms);
    points.push([peers, median(runs)]);
  }
  return {
    figures: [
      figure('source=all with 8 peers, p50 (ms)', points.at(-1)?.[1] ?? 0),
      figure('source=all, p50 with 8 peers ÷ with 1', (points.at(-1)?.[1] ?? 0) / (points[0]?.[1] ?? 1)),
    ],
    plots: [{ title: 'Asking several peers at once', x: 'peers', unit: 'p50 of source=all, ms', points }],
  };
};
