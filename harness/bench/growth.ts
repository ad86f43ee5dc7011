import { figure, type Plot, type SectionReport } from './figure.ts';
import { alternate, type Alternated } from './measure.ts';
import type { Place, Stage, Subject } from './stage.ts';

const SCOPE = { resources: ['tasks'], max_rows_per_query: 1_000 };
const LIST = '/federation/v1/tasks?limit=50';
/** Rows of a table when it is small, at home, and when it is large, at work; half are the subject's, half in 500 teams. */
const SMALL = 10_000;
const LARGE = 1_000_000;
const TEAMS = 500;
const MANY = 100_000;

/** What the sections of growth share: a subject at each place, with the same rows to begin with. */
interface Twins {
  readonly home: Subject;
  readonly work: Subject;
}

/**
 * Without the checks of foreign keys, and without the index for searching: a list does not read it, and it would take
 * most of the time.
 */
const fill = (stage: Stage, at: Place, text: string, parameters: readonly unknown[]): Promise<unknown> =>
  stage.world[at].sql(
    `with quick as materialized (select set_config('session_replication_role', 'replica', true) as said) ${text}`,
    parameters,
  );

const ROWS = `(select quick.said, n, date_trunc('milliseconds', now()) - n * interval '1 second' as t
  from quick, generate_series($2::int, $3::int) n) x`;

const personalRows = (stage: Stage, { at, userId }: Subject, from: number, to: number): Promise<unknown> =>
  fill(
    stage,
    at,
    `insert into tasks (id, owner_id, title, created_at, updated_at)
     select gen_random_uuid(), $1::uuid, 'task ' || n, t, t from ${ROWS}`,
    [userId, from, to],
  );

const teamRows = (stage: Stage, at: Place, teams: readonly string[], rows: number): Promise<unknown> =>
  fill(
    stage,
    at,
    `insert into tasks (id, team_id, title, created_at, updated_at)
     select gen_random_uuid(), ($1::uuid[])[1 + n % ${TEAMS}], 'team task ' || n, t, t from ${ROWS}`,
    [`{${teams.join(',')}}`, 1, rows],
  );

/** Rows of a team that nobody here is in, newer than all there are: the newest rows of all teams hold no page then. */
const newerRowsOfOthers = async (stage: Stage, at: Place, rows: number): Promise<void> => {
  await fill(
    stage,
    at,
    `insert into tasks (id, team_id, title, created_at, updated_at)
     select gen_random_uuid(), gen_random_uuid(), 'of others ' || n, now() + n * interval '1 millisecond', now()
     from quick, generate_series(1, $1::int) n`,
    [rows],
  );
  await stage.world[at].sql('vacuum analyze tasks');
};

const both = (stage: Stage, { home, work }: Twins): Promise<Alternated> =>
  alternate([stage.product(home, LIST), stage.product(work, LIST)]);

/** Grants of other people at work, by SQL: only their number matters. */
const besideGrants = async (stage: Stage, twins: Twins): Promise<Alternated> => {
  const { work } = stage.world;
  const columns = await work.sql(
    `select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns
     where table_name = 'federation_grants' and column_name not in ('id', 'subject_user_id') and is_generated = 'NEVER'`,
  );
  const names = String(columns[0]?.['names']);
  await fill(
    stage,
    'work',
    `insert into federation_grants (id, subject_user_id, ${names})
     select gen_random_uuid(), gen_random_uuid(), ${names} from quick, federation_grants, generate_series(1, ${MANY}) where id = $1::uuid`,
    [twins.work.hand.grantId],
  );
  await work.sql('vacuum analyze federation_grants');
  return both(stage, twins);
};

/** Revoked certificates of those grants. */
const besideRevoked = async (stage: Stage, twins: Twins): Promise<Alternated> => {
  const { work } = stage.world;
  await work.sql(
    `insert into issued_certificates (id, grant_id, status, serial, fingerprint, not_before, not_after, created_at, revoked_at)
     select gen_random_uuid(), g.id, 'revoked', md5(g.id::text), md5(g.id::text) || md5(g.id::text), now(), now() + interval '1 day', now(), now()
     from federation_grants g where g.id <> $1::uuid limit ${MANY}`,
    [twins.work.hand.grantId],
  );
  await work.sql('vacuum analyze issued_certificates');
  return both(stage, twins);
};

/** As they were, so that the next comparison is about one thing. */
const withoutGrants = async (stage: Stage): Promise<void> => {
  const { work } = stage.world;
  await work.sql(
    `delete from issued_certificates where status = 'revoked' and length(serial) = 32 and serial = md5(grant_id::text)`,
  );
  await work.sql(
    'delete from federation_grants g where not exists (select from users u where u.id = g.subject_user_id)',
  );
  await work.sql('vacuum analyze issued_certificates');
  await work.sql('vacuum analyze federation_grants');
};

const addTeams = async (stage: Stage, at: Place): Promise<readonly string[]> =>
  (
    await stage.world[at].sql(
      `insert into teams (id, name, created_at) select gen_random_uuid(), 'bench team ' || n, now()
       from generate_series(1, ${TEAMS}) n returning id`,
    )
  ).map(({ id }) => String(id));

/** Somebody in the first so many of the teams, whose scope names them all. */
const memberOf = async (stage: Stage, at: Place, teams: readonly string[]): Promise<Subject> => {
  const filters = { tasks: { include_teams: teams, include_personal: true } };
  const subject = await stage.subject(`bench-in-${teams.length}`, { ...SCOPE, filters }, at);
  await stage.world[at].sql(
    `insert into memberships (team_id, user_id, role, created_at) select unnest($1::uuid[]), $2::uuid, 'member', now()`,
    [`{${teams.join(',')}}`, subject.userId],
  );
  await stage.world[at].sql('vacuum analyze memberships');
  return subject;
};

const ratio = ({ toFirst }: Alternated): number => toFirst.at(-1) ?? Number.NaN;

/** Large ÷ small, less what the twins differ by when they are alike. */
const growth = (grown: Alternated, alike: Alternated): number => ratio(grown) / ratio(alike);

/**
 * How the cost of one list grows with what else is in the database: the gateways at home and at work are twins, one stays
 * small, and both are asked in turn.
 */
export const measureGrowth = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const twins: Twins = {
    home: await stage.subject('bench-growth', SCOPE, 'home'),
    work: await stage.subject('bench-growth', SCOPE),
  };
  for (const subject of [twins.home, twins.work]) {
    await stage.world[subject.at].sql('drop index tasks_search');
    await personalRows(stage, subject, 1, 1_000);
    await stage.world[subject.at].sql('vacuum analyze tasks');
  }
  progress('the twins alike');
  const alike = await both(stage, twins);
  progress(`beside ${MANY} grants`);
  const grants = await besideGrants(stage, twins);
  progress(`beside ${MANY} revoked certificates and as many grants`);
  const revoked = await besideRevoked(stage, twins);
  await withoutGrants(stage);

  const teams = { home: await addTeams(stage, 'home'), work: await addTeams(stage, 'work') };
  for (const [subject, rows] of [
    [twins.home, SMALL],
    [twins.work, LARGE],
  ] as const) {
    progress(`filling a table with ${rows} rows`);
    await personalRows(stage, subject, 1_001, rows / 2);
    await teamRows(stage, subject.at, teams[subject.at], rows / 2);
    await stage.world[subject.at].sql('vacuum analyze tasks');
  }
  progress(`list at ${SMALL} and at ${LARGE} rows`);
  const rows = await both(stage, twins);
  const inMany = {
    home: await memberOf(stage, 'home', teams.home),
    work: await memberOf(stage, 'work', teams.work),
  };
  progress(`list of somebody in ${TEAMS} teams, at ${SMALL} and at ${LARGE} rows`);
  const inTeams = await alternate([stage.product(inMany.home, LIST), stage.product(inMany.work, LIST)]);
  const counts = [1, 10, 100];
  const subjects: Subject[] = [];
  for (const count of counts) subjects.push(await memberOf(stage, 'work', teams.work.slice(0, count)));
  progress('list of somebody in 1, 10, 100 and 500 teams');
  const byTeams = await alternate(
    [...subjects, inMany.work].map((subject) => stage.product(subject, LIST)),
    40,
  );

  progress(`list of somebody in ${TEAMS} teams, where others wrote all that is new`);
  const before = await alternate([stage.product(inMany.work, LIST)]);
  await newerRowsOfOthers(stage, 'work', SMALL);
  const passedOver = await alternate([stage.product(inMany.work, LIST)]);

  const plot = (title: string, x: string, at: readonly number[], { p50Ms }: Alternated): Plot => ({
    title,
    x,
    unit: 'p50 of a list of 50, ms',
    points: at.map((count, index) => [count, p50Ms[index] ?? Number.NaN] as const),
  });
  return {
    figures: [
      figure('list, p50, the twins when they are alike', ratio(alike), '1'),
      figure('list, p50 beside 100,000 grants ÷ beside few', growth(grants, alike), '≤ 1.05'),
      figure(
        'list, p50 beside 100,000 grants and revoked certificates ÷ few',
        growth(revoked, alike),
        '≤ 1.05',
      ),
      figure('list, p50 at 1,000,000 rows ÷ at 10,000', growth(rows, alike), '≤ 1.15'),
      figure('list in 500 teams, 1,000,000 rows, p50 (ms)', inTeams.p50Ms[1] ?? Number.NaN, '≤ 8'),
      figure('list in 500 teams, p50 at 1,000,000 rows ÷ at 10,000', growth(inTeams, alike), '1'),
      figure(
        'list in 500 teams, p50 beside 10,000 newer rows of others ÷ without',
        (passedOver.p50Ms[0] ?? Number.NaN) / (before.p50Ms[0] ?? Number.NaN),
        '',
      ),
    ],
    plots: [
      plot('A list as the table grows', 'rows', [SMALL, LARGE], rows),
      plot('A list as teams are added', 'teams', [...counts, TEAMS], byTeams),
      plot('A list beside other grants', 'grants', [1, MANY], grants),
      plot('A list beside revoked certificates, one a grant', 'revoked', [0, MANY], revoked),
    ],
  };
};
