import { figure, type Plot, type SectionReport } from './figure.ts';
import { fillTasks } from './list.ts';
import { load, median, type Target } from './measure.ts';
import type { Stage } from './stage.ts';

const SCOPE = { resources: ['tasks'], max_rows_per_query: 1_000 };
const LIST = '/federation/v1/tasks?limit=50';

/** p50 of one connection, the median of five runs. */
const p50 = async (target: Target): Promise<number> => {
  await load(target, 1, 1);
  const runs: number[] = [];
  while (runs.length < 5) runs.push((await load(target, 1, 1)).p50Ms);
  return median(runs);
};

type Point = readonly [x: number, y: number];

const growthOf = (points: readonly Point[]): number => (points.at(-1)?.[1] ?? 0) / (points[0]?.[1] ?? 1);

const overRows = async (stage: Stage, progress: (text: string) => void): Promise<readonly Point[]> => {
  const subject = await stage.subject('bench-rows', SCOPE);
  const points: Point[] = [];
  let rows = 0;
  for (const upTo of [10_000, 100_000, 1_000_000]) {
    progress(`list at ${upTo} rows`);
    await fillTasks(stage, subject.userId, rows + 1, upTo);
    rows = upTo;
    points.push([rows, await p50(stage.product(subject, LIST))]);
  }
  return points;
};

/** Teams of a person, each with 2,000 rows of others; the scope names them all. */
const overTeams = async (stage: Stage, progress: (text: string) => void): Promise<readonly Point[]> => {
  const { work } = stage.world;
  const teams = await work.sql(
    `insert into teams (id, name, created_at) select gen_random_uuid(), 'bench team ' || n, now()
     from generate_series(1, 500) n returning id`,
  );
  const ids = teams.map(({ id }) => String(id));
  const writer = await stage.subject('bench-team-writer', SCOPE);
  await work.sql(
    `insert into tasks (id, owner_id, team_id, title, status, created_at, updated_at)
     select gen_random_uuid(), $1::uuid, ($2::uuid[])[1 + n % 500], 'team task ' || n, 'open', t, t
     from generate_series(1, 1000000) n, lateral (select date_trunc('milliseconds', now()) - n * interval '1 second' as t) x`,
    [writer.userId, `{${ids.join(',')}}`],
  );
  await work.sql('analyze tasks');
  const points: Point[] = [];
  for (const count of [1, 10, 100, 500]) {
    progress(`list of somebody in ${count} teams, 1,000,000 rows in teams`);
    const include_teams = ids.slice(0, count);
    const subject = await stage.subject(`bench-in-${count}`, {
      ...SCOPE,
      filters: { tasks: { include_teams, include_personal: true } },
    });
    await work.sql(
      `insert into memberships (team_id, user_id, role, created_at) select unnest($1::uuid[]), $2::uuid, 'member', now()`,
      [`{${include_teams.join(',')}}`, subject.userId],
    );
    await work.sql('analyze memberships');
    points.push([count, await p50(stage.product(subject, LIST))]);
  }
  return points;
};

/** Grants of other people, and certificates of theirs that were revoked, by SQL: only their number matters. */
const overGrants = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<readonly (readonly Point[])[]> => {
  const { work } = stage.world;
  const subject = await stage.subject('bench-grants', SCOPE);
  await fillTasks(stage, subject.userId, 1, 1_000);
  const target = stage.product(subject, LIST);
  const grants: Point[] = [[10, await p50(target)]];
  const columns = await work.sql(
    `select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns
     where table_name = 'federation_grants' and column_name <> 'id' and is_generated = 'NEVER'`,
  );
  const names = String(columns[0]?.['names']);
  progress('list beside 100,000 grants');
  await work.sql(
    `insert into federation_grants (id, ${names}) select gen_random_uuid(), ${names}
     from federation_grants, generate_series(1, 100000) where id = $1::uuid`,
    [subject.hand.grantId],
  );
  await work.sql('analyze federation_grants');
  grants.push([100_000, await p50(target)]);
  progress('list beside 100,000 revoked certificates');
  const revoked: Point[] = [[0, await p50(target)]];
  await work.sql(
    `insert into issued_certificates (id, grant_id, status, serial, fingerprint, not_before, not_after, created_at, revoked_at)
     select gen_random_uuid(), g.id, 'revoked', md5(g.id::text), md5(g.id::text) || md5(g.id::text), now(), now() + interval '1 day', now(), now()
     from federation_grants g where g.id <> $1::uuid limit 100000`,
    [subject.hand.grantId],
  );
  await work.sql('analyze issued_certificates');
  revoked.push([100_000, await p50(target)]);
  return [grants, revoked];
};

/** How the cost of one list grows with what else is in the database. */
export const measureGrowth = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const rows = await overRows(stage, progress);
  const teams = await overTeams(stage, progress);
  const [grants = [], revoked = []] = await overGrants(stage, progress);
  const plot = (title: string, x: string, points: readonly Point[]): Plot => ({
    title,
    x,
    unit: 'p50 of a list of 50, ms',
    points,
  });
  return {
    figures: [
      figure('list, p50 at 1,000,000 rows ÷ at 10,000', growthOf(rows), '≤ 1.15'),
      figure('list in 500 teams, 1,000,000 rows, p50 (ms)', teams.at(-1)?.[1] ?? Number.NaN, '≤ 8'),
      figure('list, p50 beside 100,000 grants ÷ beside 10', growthOf(grants), '≤ 1.05'),
      figure('list, p50 beside 100,000 revoked certificates ÷ none', growthOf(revoked), '≤ 1.05'),
    ],
    plots: [
      plot('A list as the table grows', 'rows', rows),
      plot('A list as teams are added', 'teams', teams),
      plot('A list as grants are added', 'grants', grants),
      plot('A list as revoked certificates are added', 'revoked', revoked),
    ],
  };
};
