import { getStatement, listStatement, packedListStatement } from '../../db/sql/read.ts';
import { searchStatement } from '../../db/sql/search.ts';
import { decide } from '../../domain/access/decide.ts';
import { figure, type Figure, type SectionReport } from './figure.ts';
import { compare, type Comparison } from './measure.ts';
import type { Stage } from './stage.ts';

const ROWS = 200_000;
const PAGE = 50;
const SCOPE = { resources: ['tasks'], max_rows_per_query: 1_000 };

const figuresOf = (what: string, target: string, measured: Comparison): readonly Figure[] => [
  figure(`nginx, ${what}, throughput ÷ floor`, measured.throughputRatio, target),
  figure(`nginx, ${what}, CPU a request ÷ floor`, measured.cpuRatio, '≤ 1.15'),
  figure(`nginx, ${what}, p99 ÷ floor`, measured.p99Ratio, '≤ 1.2'),
  figure(`nginx, ${what}, requests per second`, measured.product.perSecond),
];

/** Personal rows, one a second back from now; one in a thousand of each topic. */
export const fillTasks = async (stage: Stage, ownerId: string, from: number, to: number): Promise<void> => {
  await stage.world.work.sql(
    `insert into tasks (id, owner_id, team_id, title, body, status, created_at, updated_at)
     select gen_random_uuid(), $1::uuid, null, 'task ' || n || ' topic' || n % 1000, 'body of task ' || n, 'open', t, t
     from generate_series($2::int, $3::int) n, lateral (select date_trunc('milliseconds', now()) - n * interval '1 second' as t) x`,
    [ownerId, from, to],
  );
  await stage.world.work.sql('analyze tasks');
};

/** List and get behind nginx, against bare node:http with the same statement behind the same nginx. */
export const measureVerbs = async (
  stage: Stage,
  progress: (text: string) => void,
): Promise<SectionReport> => {
  const subject = await stage.subject('bench-verbs', SCOPE);
  progress(`inserting ${ROWS} rows`);
  await fillTasks(stage, subject.userId, 1, ROWS);
  const { grant, identity } = await stage.decided(subject);
  const now = new Date();
  const list = decide.list(grant, identity, { resource: 'tasks', limit: PAGE, after: null }, now);
  const [row] = await stage.world.work.sql('select id from tasks where owner_id = $1 limit 1', [
    subject.userId,
  ]);
  const id = String(row?.['id']);
  const get = decide.get(grant, identity, { resource: 'tasks', id }, now);
  if (!list.ok || !get.ok) throw new Error('the bench’s grant reads nothing');

  // The floor runs the product's statements, which look for a serving lease.
  const [lease] = await stage.world.work.sql(
    `insert into gateway_leases (holder, expires_at) values (gen_random_uuid(), now() + interval '1 day') returning holder::text`,
    [],
  );
  const holder = String(lease?.['holder']);
  const listPath = `/federation/v1/tasks?limit=${PAGE}`;
  const listFloor = await stage.floor(subject, listStatement(list.value.terms, undefined, holder), listPath);
  const figures: Figure[] = [];
  for (const connections of [1, 16]) {
    progress(`list against the floor, ${connections} connections`);
    const measured = await compare(listFloor, stage.product(subject, listPath), {
      connections,
      pairs: 5,
      seconds: 2,
    });
    figures.push(
      ...figuresOf(`list of ${PAGE} of ${ROWS}, ${connections} conn.`, '≥ 0.90 (≥ 0.95)', measured),
    );
  }
  progress('list against the floor with the product’s packed page');
  const packed = await compare(
    await stage.floor(subject, packedListStatement(list.value.terms, holder), listPath, 'tasks'),
    stage.product(subject, listPath),
    { connections: 16, pairs: 5, seconds: 2 },
  );
  figures.push(
    figure('the same, floor with the product’s packed page', packed.throughputRatio),
    figure('the same, CPU a request', packed.cpuRatio),
  );
  progress('get against the floor');
  const getPath = `/federation/v1/tasks/${id}`;
  const measured = await compare(
    await stage.floor(subject, getStatement(get.value.terms, holder), getPath),
    stage.product(subject, getPath),
    { connections: 16, pairs: 5, seconds: 2 },
  );
  figures.push(...figuresOf('get, 16 conn.', '', measured));
  progress('search against the floor');
  const query = 'topic7';
  const search = decide.search(grant, identity, { query, resources: null, limit: PAGE, after: null }, now);
  if (!search.ok) throw new Error('the bench’s grant searches nothing');
  const searchPath = `/federation/v1/search?q=${query}&limit=${PAGE}`;
  const searched = await compare(
    await stage.floor(subject, searchStatement(search.value.terms, undefined, holder), searchPath),
    stage.product(subject, searchPath),
    { connections: 16, pairs: 5, seconds: 2 },
  );
  figures.push(...figuresOf(`search, ${ROWS / 1_000} hits in ${ROWS}, 16 conn.`, '≥ 0.90', searched));
  return { figures };
};
