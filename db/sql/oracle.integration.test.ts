import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decide } from '../../domain/access/decide.ts';
import type { Resource } from '../../domain/resources.ts';
import type { Scope } from '../../domain/scope/scope.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, seed } from '../testing/database.testkit.ts';
import { listed } from '../testing/listed.testkit.ts';
import { anActiveGrant, T0, type Enrolled } from '../testing/world.testkit.ts';

const WORLDS = 40;
const CASES_PER_WORLD = 260;
const KINDS = ['tasks', 'notes', 'credentials'] as const;

interface OracleRow {
  readonly id: string;
  readonly kind: Resource;
  readonly owner: string | null;
  readonly team: string | null;
}

interface World {
  readonly people: readonly string[];
  readonly teams: readonly string[];
  readonly members: readonly (readonly [person: string, team: string])[];
  readonly rows: readonly OracleRow[];
}

const ids = (count: number): string[] => Array.from({ length: count }, () => crypto.randomUUID());

const makeWorld = (random: () => number): World => {
  const [people, teams] = [ids(4), ids(4)];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const members = people.flatMap((person) =>
    teams.filter(() => random() < 0.45).map((team) => [person, team] as const),
  );
  const rows = Array.from({ length: 50 }, () => {
    const team = random() < 0.6 ? pick(teams) : null;
    return {
      id: crypto.randomUUID(),
      kind: pick(KINDS),
      owner: team !== null && random() < 0.1 ? null : pick(people),
      team,
    };
  });
  return { people, teams, members, rows };
};

/**
 * What SPEC says in words, row by row and by nothing of the product: native RBAC and the scope document.
 * null: the resource itself is refused.
 */
const expected = (
  world: World,
  subject: string,
  document: Scope,
  kind: Resource,
): ReadonlySet<string> | null => {
  if (!document.resources.includes(kind)) return null;
  if (document.excluded_resources.includes(kind)) return null;
  const visible = new Set<string>();
  for (const row of world.rows) {
    if (row.kind !== kind) continue;
    const filter = document.filters[kind];
    if (row.team === null) {
      if (row.owner === subject && (filter === undefined || filter.include_personal)) visible.add(row.id);
    } else {
      const isMember = world.members.some(([person, team]) => person === subject && team === row.team);
      const isIncluded = filter !== undefined && filter.include_teams.some((team) => team === row.team);
      if (isMember && isIncluded) visible.add(row.id);
    }
  }
  return visible;
};

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const quote = (value: string | null): string => (value === null ? 'null' : `'${value}'`);

const plant = async (world: World): Promise<ReadonlyMap<string, Enrolled>> => {
  // Few times for many rows, so that ids decide the order too.
  const values = (kind: Resource) =>
    world.rows
      .filter((row) => row.kind === kind)
      .map(
        ({ id, owner, team }, index) =>
          `(${quote(id)}, ${quote(owner)}, ${quote(team)}, '2026-01-01Z'::timestamptz + interval '${index % 5} s', now(), 'row')`,
      );
  await seed(
    storage.client,
    [
      ...world.people.map((id) => `insert into users values ('${id}', '${id}', false, now());`),
      ...world.teams.map((id) => `insert into teams values ('${id}', '${id}', now());`),
      ...world.members.map(
        ([person, team]) => `insert into memberships values ('${person}', '${team}', 'member', now());`,
      ),
      ...KINDS.filter((kind) => values(kind).length > 0).map(
        (kind) =>
          `insert into ${kind} (id, owner_id, team_id, created_at, updated_at, title) values ${values(kind).join(',')};`,
      ),
    ].join('\n'),
  );
  const enrolled = new Map<string, Enrolled>();
  for (const person of world.people) enrolled.set(person, await anActiveGrant(storage, person));
  return enrolled;
};

const scopes = (world: World): fc.Arbitrary<Scope> => {
  // Teams the subject is not in, and some that do not exist, are asked for as well: so many that both ways of reading
  // teams are taken.
  const filter = fc.record({
    include_teams: fc.subarray([...world.teams, ...ids(10)]),
    include_personal: fc.boolean(),
  });
  return fc.record({
    resources: fc.subarray([...KINDS], { minLength: 1 }),
    // Overlaps are possible: a stored row edited by hand, in which excluded wins.
    excluded_resources: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray([...KINDS])),
    filters: fc.record({ tasks: filter, notes: filter, credentials: filter }, { requiredKeys: [] }),
    max_rows_per_query: fc.constant(10_000),
  });
};

it(`X-29 X-31 reads what an independent oracle says, in ${WORLDS * CASES_PER_WORLD} cases of random scope, memberships and rows`, async () => {
  let cases = 0;
  let shown = 0;
  let refused = 0;
  for (let number = 1; number <= WORLDS; number += 1) {
    const random = fc.sample(fc.double({ min: 0, max: 0.999, noNaN: true }), { numRuns: 400, seed: number });
    let next = 0;
    const world = makeWorld(() => random[(next += 1) % random.length] ?? 0);
    const grants = await plant(world);
    const one = fc.record({
      subject: fc.constantFrom(...world.people),
      scope: scopes(world),
      kind: fc.constantFrom(...KINDS),
      row: fc.constantFrom(...world.rows),
    });
    await fc.assert(
      fc.asyncProperty(one, async ({ subject, scope, kind, row }) => {
        const enrolled = grants.get(subject);
        if (enrolled === undefined) throw new Error('no grant');
        const grant = { ...enrolled.grant, scope };
        const oracle = expected(world, subject, scope, kind);
        cases += 1;
        const list = decide.list(
          grant,
          enrolled.identity,
          { resource: kind, limit: 10_000, after: null },
          T0,
        );
        if (!list.ok) {
          refused += 1;
          expect(oracle).toBeNull();
          return;
        }
        const page = await listed(storage.reader, list.value);
        if (!page.admitted) throw new Error('the fence did not hold');
        const seen = page.value.items.map(({ id }) => id);
        shown += seen.length;
        expect(new Set(seen)).toEqual(oracle);
        expect(new Set(seen).size).toBe(seen.length);
        const get = decide.get(grant, enrolled.identity, { resource: kind, id: row.id }, T0);
        if (!get.ok) throw new Error('list and get disagree');
        const got = await storage.reader.get(get.value);
        expect(got.admitted && got.value !== null).toBe(oracle?.has(row.id) ?? false);
      }),
      { numRuns: CASES_PER_WORLD, seed: number },
    );
  }
  // Neither trivially empty nor trivially refused.
  expect(cases).toBeGreaterThanOrEqual(10_000);
  expect(shown).toBeGreaterThan(cases);
  expect(refused).toBeLessThan(cases * 0.7);
}, 240_000);
