import type { ReadTarget, ReadTerms, SearchReach } from '../../domain/access/terms.ts';
import { MAX_PAGE_BYTES } from '../../domain/paging/page-bytes.ts';
import { COMMON_COLUMNS, resourceSpec, type FieldKind, type Resource } from '../../domain/resources.ts';
import type { HitPosition } from '../../domain/search/hit.ts';
import type { Param } from '../driver/driver.ts';
import { withinBytes } from './page-bytes.ts';
import {
  fenceKind,
  fenceParams,
  fenceText,
  once,
  teamsParam,
  type FenceKind,
  type Statement,
} from './read.ts';

type SearchTerms = ReadTerms<Extract<ReadTarget, { verb: 'search' }>>;

const FIRST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const NO_ID = '00000000-0000-0000-0000-000000000000';

const TYPES: Readonly<Record<FieldKind, string>> = {
  text: 'text',
  timestamp: 'timestamptz',
  task_status: 'task_status',
};

type Fields = ReadonlyMap<string, FieldKind>;

/** Every field of the resources searched, by name: rows of several tables come in one shape. */
const fieldsOf = (resources: readonly Resource[]): Fields =>
  new Map(
    resources.flatMap((resource) =>
      Object.entries(resourceSpec(resource).fields).map(([name, { kind }]) => [name, kind] as const),
    ),
  );

/** $1 query, $2 to $3 rank and time to go on after, $4 how many; then three for each resource; then the fence's. */
const FIRST_OF_RESOURCES = 5;

const hitsOf = (resource: Resource, index: number): string => {
  const first = FIRST_OF_RESOURCES + index * 3;
  return `select '${resource}'::text as resource, h.hit_id, h.hit_at, h.hit_rank
    from fence cross join lateral app.search_${resourceSpec(resource).table}(fence.subject, $1::text,
      $${first}::boolean, $${first + 1}::uuid[], $2::real, $3::timestamptz, $${first + 2}::uuid, $4::integer) h`;
};

/** The rows themselves, under row-level security, and once more within what the scope says. */
const rowsOf = (resource: Resource, index: number, fields: Fields): string => {
  const first = FIRST_OF_RESOURCES + index * 3;
  const own = resourceSpec(resource).fields;
  const columns = [
    ...COMMON_COLUMNS.map((name) => `t.${name}`),
    ...Array.from(fields, ([name, kind]) =>
      Object.hasOwn(own, name) ? `t.${name}` : `null::${TYPES[kind]} as ${name}`,
    ),
  ];
  return `select h.resource, h.hit_rank, ${columns.join(', ')}
    from hits h join ${resourceSpec(resource).table} t on t.id = h.hit_id
    where h.resource = '${resource}' and case when t.team_id is null then $${first}::boolean
      else $${first + 1}::uuid[] is null or t.team_id = any ($${first + 1}::uuid[]) end`;
};

const order = (table: string, names: readonly [string, string, string]): string =>
  `${table}.${names[0]} desc, ${table}.${names[1]} desc, ${table}.resource collate "C" desc, ${table}.${names[2]} desc`;

const shownAs = (name: string, kind: FieldKind | null): string => {
  if (kind === 'timestamp' || name.endsWith('_at')) return `page.${name} at time zone 'UTC' as ${name}`;
  return kind === 'text' ? `case when not page.is_beyond then page.${name} end as ${name}` : `page.${name}`;
};

const searchText = (resources: readonly Resource[], fence: FenceKind, maxBytes: number): string => {
  const fields = fieldsOf(resources);
  const shown = [
    ...COMMON_COLUMNS.map((name) => shownAs(name, null)),
    ...Array.from(fields, ([name, kind]) => shownAs(name, kind)),
  ];
  const rows = resources
    .map((resource, index) => rowsOf(resource, index, fields))
    .join('\n    union all\n    ');
  const texts = Array.from(fields).flatMap(([name, kind]) => (kind === 'text' ? [name] : []));
  const cut = { texts, order: order('l', ['hit_rank', 'created_at', 'id']), rows };
  return `with ${fenceText(fence, FIRST_OF_RESOURCES + resources.length * 3)},
hits as materialized (
  select u.* from (
    ${resources.map(hitsOf).join('\n    union all\n    ')}
  ) u order by ${order('u', ['hit_rank', 'hit_at', 'hit_id'])} limit $4::integer
)
select page.resource as _resource, page.hit_rank as _rank, ${shown.join(', ')}
from fence left join lateral (
    ${withinBytes(cut, maxBytes)}
) page on true
order by ${order('page', ['hit_rank', 'created_at', 'id'])}`;
};

/** Where a resource goes on after a position: what comes before it in the order of names is still to be given at that rank and time. */
const idAfter = (resource: Resource, after: HitPosition | null): string => {
  if (after === null || resource < after.resource) return FIRST_ID;
  return resource === after.resource ? after.id : NO_ID;
};

const reachParams = (
  { resource, personal, teams }: SearchReach,
  after: HitPosition | null,
): readonly Param[] => [personal, teamsParam(teams), idAfter(resource, after)];

/**
 * THE statement of a search: fence, the hits of each resource in its own bounds through its index, the best of them
 * all, and their rows under row-level security, in one. No row: the fence did not hold. One row of NULLs: nothing
 * found. One row more than the limit says that there is a next page, and so does one without texts, where `maxBytes` end
 * the page.
 */
export const searchStatement = (
  terms: SearchTerms,
  maxBytes = MAX_PAGE_BYTES,
  holder: string | null = null,
): Statement => {
  const { query, within, limit, after } = terms.target;
  // One order of names, so that the same resources make the same text whatever order they were named in.
  const reaches = within.toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
  const resources = reaches.map(({ resource }) => resource);
  const fence = fenceKind(terms, holder);
  return {
    text: once(`search ${resources.join(',')} ${fence} ${maxBytes}`, () =>
      searchText(resources, fence, maxBytes),
    ),
    params: [
      query,
      after === null ? 'infinity' : String(after.rank),
      after?.createdAt ?? 'infinity',
      limit + 1,
      ...reaches.flatMap((reach) => reachParams(reach, after)),
      ...fenceParams(terms, holder),
    ],
  };
};
