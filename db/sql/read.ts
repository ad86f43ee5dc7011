import type { ReadTarget, ReadTerms } from '../../domain/access/terms.ts';
import { MAX_PAGE_BYTES, textFields } from '../../domain/paging/page-bytes.ts';
import { resourceSpec, type Resource } from '../../domain/resources.ts';
import type { Param } from '../driver/driver.ts';
import { uuidArray } from '../driver/values.ts';
import { displayColumns, rawColumns } from './columns.ts';
import { packedColumns } from './packed.ts';
import { boundOf, type PageBound } from '../../domain/paging/page-bytes.ts';
import { withinBytes } from './page-bytes.ts';
import { storedColumns } from './stored-page.ts';

export interface Statement {
  readonly text: string;
  readonly params: readonly Param[];
}

type ListTerms = ReadTerms<Extract<ReadTarget, { verb: 'list' }>>;
type GetTerms = ReadTerms<Extract<ReadTarget, { verb: 'get' }>>;

/** Who reads: a person at the own gateway, a peer, or a peer that is served under a serving lease (db/lease.ts). */
export type FenceKind = 'native' | 'granted' | 'leased';

export const fenceKind = ({ fence }: ReadTerms, holder: string | null): FenceKind =>
  fence === null ? 'native' : holder === null ? 'granted' : 'leased';

const holdsLease = (holder: number): string =>
  `exists (select from gateway_leases l where l.holder = $${holder}::uuid and l.expires_at > now())`;

/**
 * The fence: who the subject is, as far as the grant, its certificate and its peer (`isUsable`) hold at this moment
 * (`app.enter_fence`, 0021), in a database that lacks no revocation which this process, or anybody who told the database, knows of, and on
 * a server that is the primary and to which this process has lately committed its lease. It yields one row or none, and setting the
 * subject for row-level security, gone with the statement, is part of producing it.
 * MATERIALIZED, so that it runs first and once. Its parameters are the statement's last, from `$first` on.
 */
const grantFence = (first: number, leased: boolean): string => `fence as materialized (
  select e.subject from app.enter_fence($${first}::uuid, $${first + 1}::uuid, $${first + 2}::integer, $${first + 3}::text,
      $${first + 4}::text) e(subject)
    join gateway_revocation r on r.id = 1 and r.lost_since is null and r.epoch >= $${first + 5}::bigint
  where e.subject is not null and not pg_is_in_recovery() ${leased ? `and ${holdsLease(first + 6)}` : ''}
)`;

/** A person reading at the own gateway. */
const nativeFence = (first: number): string => `fence as materialized (
  select set_config('app.subject', $${first}::text, true)::uuid as subject
)`;

export const fenceText = (kind: FenceKind, first: number): string =>
  kind === 'native' ? nativeFence(first) : grantFence(first, kind === 'leased');

/** @param holder whose lease has to hold; null: none has to */
export const fenceParams = ({ fence, subjectUserId }: ReadTerms, holder: string | null): readonly Param[] =>
  fence === null
    ? [subjectUserId]
    : [
        fence.subjectUserId,
        fence.grantId,
        fence.grantVersion,
        fence.certificateSerial,
        fence.certificateFingerprint,
        fence.revocationEpoch,
        ...(holder === null ? [] : [holder]),
      ];

export const teamsParam = (teams: 'all' | readonly string[]): string | null =>
  teams === 'all' ? null : uuidArray(teams);

/**
 * The limit the planner sees. As a parameter it would guess at a tenth of the table and may sort everything a person
 * has; one text per limit would be one plan per limit. So: a few sizes, and `limit $n` around them.
 */
const plannedLimit = (rows: number): number => {
  for (const size of [16, 64, 256, 1024, 4096]) if (rows <= size) return size;
  return 16_384;
};

const AFTER = '(t.created_at, t.id) < ($1::timestamptz, $2::uuid)';

/** One index range, newest first, after the keyset position `$1, $2` and up to `$3` rows. */
const range = (resource: Resource, condition: string, limit: number): string => `select * from (
      select ${rawColumns(resource, 't')} from ${resourceSpec(resource).table} t
      where ${condition} and ${AFTER}
      order by t.created_at desc, t.id desc limit ${limit}) r limit $3::bigint`;

/** As `displayColumns`, without the texts of a row that is beyond. */
const boundedColumns = (resource: Resource): string =>
  displayColumns(resource, 'page')
    .split(', ')
    .map((column) => {
      const name = column.slice('page.'.length);
      const isText = resourceSpec(resource).fields[name]?.kind === 'text';
      return isText ? `case when not page.is_beyond then page.${name} end as ${name}` : column;
    })
    .join(', ');

type Branches = 'personal' | 'teams' | 'both';

const branchesOf = ({ personal, teams }: ListTerms): Branches =>
  teams === 'all' || teams.length > 0 ? (personal ? 'both' : 'teams') : personal ? 'personal' : 'teams';

/** A hash of the scope's teams: to look through hundreds of them for each membership would take a millisecond. */
const MY_TEAMS = `m.user_id = fence.subject and ($4::uuid[] is null or m.team_id in (select unnest($4::uuid[])))`;
const inTeam = (of: string): string => `t.team_id is not null and t.team_id = ${of}.team_id`;

/** The newest rows of each team. */
const ofEveryTeam = (
  resource: Resource,
  limit: number,
): string => `select p.* from memberships m cross join lateral (
      ${range(resource, inTeam('m'), limit)}) p
    where ${MY_TEAMS}`;

/** Up to as many teams a second look at each costs more than the rows it spares: a tenth of a millisecond with one to three. */
const FEW_TEAMS = 4;

/**
 * Up to as many teams are each looked at. Beyond, the newest rows of all are looked at first, for nothing where others write
 * most: in 100 teams that saves 0.1 ms or costs 0.2, in 500 it saves 1.3 or costs 0.4.
 */
const LOOKED_AT_EACH = 128;

/** A page of keys by `app.newest_*`, or a part of one, for somebody in very many teams. */
const amongNewest = (
  resource: Resource,
): string => `select n.of_team as team_id, n.row_at as created_at, n.row_id as id
      from (select array_agg(team_id) as ids from mine having count(*) > ${LOOKED_AT_EACH}) teams cross join lateral
        app.newest_${resourceSpec(resource).table}(fence.subject, teams.ids, $1::timestamptz, $2::uuid, $3::bigint) n`;

/** The newest rows of each team, just as many as make a page of all. */
const newestOfEach = (
  resource: Resource,
  limit: number,
): string => `select each.team_id, r.created_at, r.id from (
        select team_id from mine where (select count(*) from found) < $3::bigint
      ) each cross join lateral (
        select * from (
          select t.created_at, t.id from ${resourceSpec(resource).table} t
          where ${inTeam('each')} and ${AFTER}
          order by t.created_at desc, t.id desc limit ${limit}) n
        limit (select case when count(*) <= ${FEW_TEAMS} then 1 else ($3::bigint + count(*) - 1) / count(*) end from mine)
      ) r order by r.created_at desc, r.id desc limit $3::bigint`;

/**
 * The same for somebody in many teams, of whom each has nearly no row on this page. First the page's keys, if a look at what
 * all teams have newest finds as many; if not, the newest rows of each team, as many as make a page of all. Either way the
 * oldest of such a page is a bound that no row of the real page is older than. Then the rows from there on, and those only
 * of teams that have one. What is read grows with rows, or with teams plus rows, and not with teams times rows.
 */
const ofNewestTeams = (resource: Resource, limit: number): string => `with mine as materialized (
      select m.team_id from memberships m where ${MY_TEAMS}
    ), found as materialized (
      ${amongNewest(resource)}
    ), newest as materialized (
      select * from found where (select count(*) from found) >= $3::bigint
      union all (${newestOfEach(resource, limit)})
    ), oldest as materialized (
      select coalesce(l.created_at, '-infinity') as created_at, coalesce(l.id, '00000000-0000-0000-0000-000000000000') as id
      from (select) always left join (
        select created_at, id from newest order by created_at desc, id desc offset $3::bigint - 1 limit 1) l on true
    )
    select p.* from oldest cross join (select distinct team_id from newest) best cross join lateral (
      ${range(resource, `${inTeam('best')} and (t.created_at, t.id) >= (oldest.created_at, oldest.id)`, limit)}) p`;

const areMany = ({ teams }: ListTerms): boolean => teams === 'all' || teams.length > FEW_TEAMS;

interface ListShape {
  readonly resource: Resource;
  readonly fence: FenceKind;
  readonly branches: Branches;
  readonly many: boolean;
  readonly limit: number;
  readonly bound: PageBound;
}

/** The rows of a list, newest first, of the one subject that `fence` yields. */
const rowsText = ({ resource, branches, many, limit, bound }: ListShape): string => {
  const personal = range(resource, 't.team_id is null and t.owner_id = fence.subject', limit);
  const ofTeams = many ? ofNewestTeams(resource, limit) : ofEveryTeam(resource, limit);
  const parts = { personal: [personal], teams: [ofTeams], both: [personal, ofTeams] }[branches];
  const rows = `select u.* from (
    ${parts.map((part) => `(${part})`).join('\n    union all\n    ')}
  ) u order by u.created_at desc, u.id desc limit $3::bigint`;
  return withinBytes({ texts: textFields(resource), order: 'l.created_at desc, l.id desc', rows }, bound);
};

const listFence = ({ fence, branches }: ListShape): string =>
  `with ${fenceText(fence, branches === 'personal' ? 4 : 5)}`;

const listText = (shape: ListShape): string => `${listFence(shape)}
select ${boundedColumns(shape.resource)}
from fence left join lateral (
  ${rowsText(shape)}
) page on true
order by page.created_at desc, page.id desc`;

/** The same rows as one text. Sorted by the subquery; an order in the aggregate would sort them once more. */
const inOneText = (shape: ListShape, columns: string): string => `${listFence(shape)}
select page.packed, page.rows, page.is_cut
from fence left join lateral (
  select ${columns}
  from (${rowsText(shape)}) l
) page on true`;

const packedText = (shape: ListShape): string => inOneText(shape, packedColumns(shape.resource, 'l'));

/** @param separator number of the parameter that is the separator */
const storedText = (shape: ListShape, separator: number): string =>
  inOneText(shape, storedColumns(shape.resource, 'l', `$${separator}::text`));

const getText = (resource: Resource, fence: FenceKind): string => `with ${fenceText(fence, 4)}
select ${displayColumns(resource, 'page')}
from fence left join lateral (
  select ${rawColumns(resource, 't')} from ${resourceSpec(resource).table} t
  where t.id = $1::uuid and (
    ($2::boolean and t.team_id is null and t.owner_id = fence.subject)
    or (t.team_id is not null and ($3::uuid[] is null or t.team_id = any ($3::uuid[]))
      and exists (select from memberships m where m.team_id = t.team_id and m.user_id = fence.subject)))
  limit 1
) page on true`;

const texts = new Map<string, string>();

/** Texts are few and each is built once, so that prepared statements are found by identity of their text. */
export const once = (key: string, build: () => string): string => {
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = build();
  texts.set(key, text);
  return text;
};

/**
 * THE statement of a list (DATABASE.md): fence, native RBAC, scope, keyset and limit in one, under row-level
 * security. No row: the fence did not hold. One row of NULLs: an empty page. One row more than the limit says
 * that there is a next page, and so does one without texts, where `bound` ends the page. A page whose rows all come without
 * texts was too much for the bound `light`: it is read again with a bound in bytes.
 */
export const listStatement = (
  terms: ListTerms,
  bound = boundOf(terms.target.limit, MAX_PAGE_BYTES),
  holder: string | null = null,
): Statement => statementOf('list', listText, { terms, bound, holder });

/** The same for few rows, as one row: `packed` for packed.ts, how many `rows` are in it, and whether it was too much (`is_cut`). */
export const packedListStatement = (terms: ListTerms, holder: string | null = null): Statement =>
  statementOf('packed list', packedText, { terms, bound: 'light', holder });

/** The same for many rows: `packed` for stored-page.ts, and whether `maxBytes` end the page (`is_cut`). */
export const storedListStatement = (
  terms: ListTerms,
  maxBytes: number,
  separator: string,
  holder: string | null = null,
): Statement => statementOf('stored list', storedText, { terms, bound: maxBytes, holder }, [separator]);

interface Asked {
  readonly terms: ListTerms;
  readonly bound: PageBound;
  readonly holder: string | null;
}

const statementOf = (
  name: string,
  build: (shape: ListShape, firstOfMore: number) => string,
  { terms, bound, holder }: Asked,
  more: readonly Param[] = [],
): Statement => {
  const { resource, limit, after } = terms.target;
  const branches = branchesOf(terms);
  const shape: ListShape = {
    resource,
    fence: fenceKind(terms, holder),
    branches,
    many: branches !== 'personal' && areMany(terms),
    limit: plannedLimit(limit + 1),
    bound,
  };
  const params = [
    after?.createdAt ?? 'infinity',
    after?.id ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    limit + 1,
    ...(branches === 'personal' ? [] : [teamsParam(terms.teams)]),
    ...fenceParams(terms, holder),
  ];
  return {
    text: once(`${name} ${Object.values(shape).join(' ')}`, () => build(shape, params.length + 1)),
    params: [...params, ...more],
  };
};

/** One row by id, in the same terms. One row of NULLs: absent or not the subject's, which look alike. */
export const getStatement = (terms: GetTerms, holder: string | null = null): Statement => {
  const { resource, id } = terms.target;
  const fence = fenceKind(terms, holder);
  return {
    text: once(`get ${resource} ${fence}`, () => getText(resource, fence)),
    params: [id, terms.personal, teamsParam(terms.teams), ...fenceParams(terms, holder)],
  };
};

/** The fence alone. */
export const capabilitiesStatement = (terms: ReadTerms, holder: string | null = null): Statement => {
  const fence = fenceKind(terms, holder);
  return {
    text: once(`fence ${fence}`, () => `with ${fenceText(fence, 1)} select subject from fence`),
    params: fenceParams(terms, holder),
  };
};
