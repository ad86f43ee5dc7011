import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUuid } from '../uuid.ts';
import { RESOURCES } from '../resources.ts';
import { narrow, reachableResources } from './narrow.ts';
import { parseScope, readStoredScope, sensitiveResources } from './parse.ts';

const TEAM = '11111111-1111-4111-8111-111111111111';
const minimal = { resources: ['tasks'], max_rows_per_query: 10 };

const issuesOf = (input: unknown): readonly string[] => {
  const parsed = parseScope(input);
  return parsed.ok ? [] : parsed.error.map((issue) => `${issue.path}: ${issue.message}`);
};

describe('parseScope', () => {
  it('fills the defaults', () => {
    expect(parseScope(minimal)).toEqual({
      ok: true,
      value: { resources: ['tasks'], excluded_resources: [], filters: {}, max_rows_per_query: 10 },
    });
  });

  it('reads a filter, personal rows included unless said otherwise', () => {
    const parsed = parseScope({ ...minimal, filters: { tasks: { include_teams: [TEAM] } } });
    expect(parsed.ok && parsed.value.filters.tasks).toEqual({
      include_teams: [TEAM],
      include_personal: true,
    });
  });

  it('M2-7 refuses an unknown resource with its path', () => {
    expect(issuesOf({ ...minimal, resources: ['tasks', 'mail'] })).toEqual([
      'resources[1]: unknown resource',
    ]);
  });

  it.each([
    ['null', null, '$: must be an object'],
    ['a list', [], '$: must be an object'],
    ['no resources', { max_rows_per_query: 1 }, 'resources: must be a list'],
    ['empty resources', { ...minimal, resources: [] }, 'resources: is empty'],
    ['a duplicate', { ...minimal, resources: ['tasks', 'tasks'] }, 'resources[1]: listed twice'],
    [
      'a duplicate exclusion',
      { ...minimal, excluded_resources: ['notes', 'notes'] },
      'excluded_resources[1]: listed twice',
    ],
    [
      'an overlap',
      { ...minimal, excluded_resources: ['tasks'] },
      'excluded_resources: tasks is both granted and excluded',
    ],
    ['an unknown key', { ...minimal, limit: 1 }, 'limit: unknown key'],
    [
      'an unknown filter key',
      { ...minimal, filters: { tasks: { teams: [] } } },
      'filters.tasks.teams: unknown key',
    ],
    [
      'a filter on nothing granted',
      { ...minimal, filters: { notes: {} } },
      'filters.notes: filters a resource that is not granted',
    ],
    [
      'a filter on an unknown resource',
      { ...minimal, filters: { mail: {} } },
      'filters.mail: unknown resource',
    ],
    [
      'a filter that is no object',
      { ...minimal, filters: { tasks: true } },
      'filters.tasks: must be an object',
    ],
    [
      'a team that is no id',
      { ...minimal, filters: { tasks: { include_teams: ['x'] } } },
      'filters.tasks.include_teams[0]: not a team id',
    ],
    [
      'a team twice',
      { ...minimal, filters: { tasks: { include_teams: [TEAM, TEAM] } } },
      'filters.tasks.include_teams[1]: listed twice',
    ],
    [
      'personal that is no boolean',
      { ...minimal, filters: { tasks: { include_personal: 1 } } },
      'filters.tasks.include_personal: must be true or false',
    ],
    ['no cap', { resources: ['tasks'] }, 'max_rows_per_query: is required'],
    ['a cap of 0', { ...minimal, max_rows_per_query: 0 }, 'max_rows_per_query: is out of range'],
    [
      'a cap above the limit',
      { ...minimal, max_rows_per_query: 10_001 },
      'max_rows_per_query: is out of range',
    ],
    ['a fractional cap', { ...minimal, max_rows_per_query: 1.5 }, 'max_rows_per_query: is out of range'],
    [
      'prototype keys',
      JSON.parse('{"resources":["__proto__"],"max_rows_per_query":1}'),
      'resources[0]: unknown resource',
    ],
  ])('refuses %s', (_name, input, issue) => {
    expect(issuesOf(input)).toContain(issue);
  });

  it('never throws, and what it accepts it accepts again unchanged', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.record(
            {
              resources: fc.array(fc.constantFrom(...RESOURCES, 'mail')),
              excluded_resources: fc.array(fc.constantFrom(...RESOURCES)),
              filters: fc.dictionary(
                fc.constantFrom(...RESOURCES),
                fc.record(
                  { include_teams: fc.array(fc.uuid()), include_personal: fc.boolean() },
                  { requiredKeys: [] },
                ),
              ),
              max_rows_per_query: fc.integer({ min: -1, max: 10_002 }),
            },
            { requiredKeys: [] },
          ),
        ),
        (input) => {
          const parsed = parseScope(input);
          if (!parsed.ok) {
            expect(parsed.error.length).toBeGreaterThan(0);
            return;
          }
          expect(parseScope(parsed.value)).toEqual(parsed);
          expect(readStoredScope(parsed.value)).toEqual(parsed.value);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('readStoredScope', () => {
  it('lets exclusion win in a row edited by hand', () => {
    const scope = readStoredScope({
      resources: ['tasks', 'credentials'],
      excluded_resources: ['credentials'],
      max_rows_per_query: 5,
    });
    expect(narrow(scope, 'credentials')).toEqual({ allowed: false, code: 'resource_excluded' });
    expect(narrow(scope, 'tasks').allowed).toBe(true);
    expect(reachableResources(scope)).toEqual(['tasks']);
  });

  it.each([
    ['a string', 'tasks'],
    [
      'an exclusion nobody can read',
      { resources: ['tasks'], excluded_resources: 'credentials', max_rows_per_query: 5 },
    ],
    [
      'X-31 an exclusion with an entry nobody can read',
      { resources: ['credentials'], excluded_resources: ['Credentials'], max_rows_per_query: 5 },
    ],
    ['no cap', { resources: ['tasks'] }],
    ['filters that are a list', { resources: ['tasks'], filters: [], max_rows_per_query: 5 }],
  ])('allows nothing for %s', (_name, stored) => {
    const scope = readStoredScope(stored);
    for (const resource of RESOURCES) expect(narrow(scope, resource).allowed).toBe(false);
  });

  it('allows no row of a resource whose filter is broken', () => {
    const scope = readStoredScope({
      resources: ['tasks'],
      filters: { tasks: { include_teams: 'all' } },
      max_rows_per_query: 5,
    });
    expect(narrow(scope, 'tasks')).toEqual({
      allowed: true,
      reach: { personal: false, teams: [], maxRows: 5 },
    });
  });

  it('never reaches more than what a strict reading of the same document would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...RESOURCES)),
        fc.array(fc.constantFrom(...RESOURCES)),
        (resources, excluded) => {
          const scope = readStoredScope({ resources, excluded_resources: excluded, max_rows_per_query: 5 });
          for (const resource of RESOURCES) {
            expect(narrow(scope, resource).allowed).toBe(
              resources.includes(resource) && !excluded.includes(resource),
            );
          }
        },
      ),
    );
  });
});

describe('sensitiveResources', () => {
  it('names credentials and api_keys only', () => {
    const parsed = parseScope({ resources: [...RESOURCES], max_rows_per_query: 1 });
    expect(parsed.ok && sensitiveResources(parsed.value)).toEqual(['credentials', 'api_keys']);
  });
});

describe('MUTANTS scope/parse at the edges', () => {
  const scope = { resources: ['tasks'], max_rows_per_query: 5 };
  const teams = (count: number): string[] =>
    Array.from({ length: count }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
  const pathsOf = (input: unknown): readonly string[] => {
    const parsed = parseScope(input);
    return parsed.ok ? [] : parsed.error.map(({ path, message }) => `${path}: ${message}`);
  };

  it.each([
    [{ ...scope, filters: 5 }, 'filters: must be an object'],
    [{ ...scope, filters: [] }, 'filters: must be an object'],
    [{ ...scope, filters: null }, 'filters: must be an object'],
    [{ ...scope, filters: { tasks: 5 } }, 'filters.tasks: must be an object'],
    [{ ...scope, filters: { tasks: { only: 1 } } }, 'filters.tasks.only: unknown key'],
    [{ ...scope, filters: { other: {} } }, 'filters.other: unknown resource'],
    [{ ...scope, filters: { notes: {} } }, 'filters.notes: filters a resource that is not granted'],
    [
      { ...scope, filters: { tasks: { include_personal: 'yes' } } },
      'filters.tasks.include_personal: must be true or false',
    ],
    [
      { ...scope, filters: { tasks: { include_teams: 'all' } } },
      'filters.tasks.include_teams: must be a list',
    ],
    [
      { ...scope, filters: { tasks: { include_teams: ['x'] } } },
      'filters.tasks.include_teams[0]: not a team id',
    ],
    [
      { ...scope, filters: { tasks: { include_teams: [...teams(1), ...teams(1)] } } },
      'filters.tasks.include_teams[1]: listed twice',
    ],
    [
      { ...scope, filters: { tasks: { include_teams: teams(1_001) } } },
      'filters.tasks.include_teams: too many teams',
    ],
    [{ ...scope, resources: 'tasks' }, 'resources: must be a list'],
    [{ max_rows_per_query: 5 }, 'resources: must be a list'],
    [{ ...scope, resources: [] }, 'resources: is empty'],
    [{ ...scope, resources: ['tasks', 'x'] }, 'resources[1]: unknown resource'],
    [{ ...scope, resources: ['tasks', 'tasks'] }, 'resources[1]: listed twice'],
    [{ ...scope, excluded_resources: ['x'] }, 'excluded_resources[0]: unknown resource'],
    [{ ...scope, excluded_resources: ['notes', 'notes'] }, 'excluded_resources[1]: listed twice'],
    [{ ...scope, excluded_resources: 'notes' }, 'excluded_resources: must be a list'],
    [{ ...scope, excluded_resources: ['tasks'] }, 'excluded_resources: tasks is both granted and excluded'],
    [{ ...scope, more: 1 }, 'more: unknown key'],
    [{ resources: ['tasks'] }, 'max_rows_per_query: is required'],
    [{ ...scope, max_rows_per_query: 10_001 }, 'max_rows_per_query: is out of range'],
    [{ ...scope, max_rows_per_query: 0 }, 'max_rows_per_query: is out of range'],
    [{ ...scope, max_rows_per_query: 1.5 }, 'max_rows_per_query: is out of range'],
    [{ ...scope, max_rows_per_query: '5' }, 'max_rows_per_query: is out of range'],
    [null, '$: must be an object'],
    [[], '$: must be an object'],
    ['tasks', '$: must be an object'],
  ])('%j is refused with exactly one issue, at its place', (input, issue) => {
    expect(pathsOf(input)).toEqual([issue]);
  });

  it.each([1, 10_000])('a cap of exactly %d is taken', (cap) => {
    const parsed = parseScope({ ...scope, max_rows_per_query: cap });
    expect(parsed.ok && parsed.value.max_rows_per_query).toBe(cap);
    expect(readStoredScope({ ...scope, max_rows_per_query: cap }).max_rows_per_query).toBe(cap);
  });

  it('says which resources there are where one is none of them', () => {
    const parsed = parseScope({ ...scope, resources: ['x'] });
    expect(parsed.ok ? [] : parsed.error.map(({ expected }) => expected)).toEqual([
      'one of tasks, notes, memory, credentials, api_keys',
    ]);
  });

  it.each([true, false])('a filter may say of personal rows: %s', (personal) => {
    const filters = { tasks: { include_teams: [], include_personal: personal } };
    const parsed = parseScope({ ...scope, filters });
    expect(parsed.ok && parsed.value.filters).toEqual(filters);
    expect(readStoredScope({ ...scope, filters }).filters).toEqual(filters);
  });

  it('a stored cap of one row is one row of what is granted', () => {
    expect(readStoredScope({ ...scope, max_rows_per_query: 1 }).resources).toEqual(['tasks']);
  });

  it('exactly 1,000 teams are taken, and a filter that says nothing of personal rows keeps them', () => {
    const parsed = parseScope({ ...scope, filters: { tasks: { include_teams: teams(1_000) } } });
    expect(parsed.ok && parsed.value.filters).toEqual({
      tasks: { include_teams: teams(1_000), include_personal: true },
    });
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, '5', null])('a stored cap of %j allows nothing', (cap) => {
    const stored = readStoredScope({ ...scope, max_rows_per_query: cap });
    expect(stored).toEqual({ resources: [], excluded_resources: [], filters: {}, max_rows_per_query: 1 });
  });

  it('of a stored scope nobody can read whole, what can be read stands within its bounds', () => {
    expect(readStoredScope({ ...scope, max_rows_per_query: 20_000 }).max_rows_per_query).toBe(10_000);
    const nothing = { resources: [], excluded_resources: [], filters: {}, max_rows_per_query: 1 };
    for (const broken of [
      { ...scope, filters: 5 },
      { ...scope, filters: null },
      { ...scope, excluded_resources: null },
      null,
      [scope],
    ])
      expect(readStoredScope(broken)).toEqual(nothing);
    const odd = readStoredScope({
      resources: ['tasks', 'notes', 'gone', 'tasks'],
      excluded_resources: ['notes', 'notes'],
      filters: { gone: {}, tasks: { include_teams: ['x'] }, notes: { include_teams: teams(1) } },
      max_rows_per_query: 7,
    });
    expect(odd).toEqual({
      resources: ['tasks', 'notes'],
      excluded_resources: ['notes'],
      filters: {
        tasks: { include_teams: [], include_personal: false },
        notes: { include_teams: teams(1), include_personal: true },
      },
      max_rows_per_query: 7,
    });
    expect(readStoredScope({ resources: 'tasks', max_rows_per_query: 7 }).resources).toEqual([]);
  });

  it.each([
    '',
    ' ',
    'A',
    '0',
    '00000000-0000-4000-8000-00000000000',
    '00000000-0000-4000-8000-0000000000000',
  ])('an id of a team is a whole UUID in lower case and not %j', (id) => {
    for (const text of [id, `${teams(1)[0]}${id || 'x'}`, `${id || 'x'}${teams(1)[0]}`])
      expect(isUuid(text)).toBe(false);
    expect(isUuid('0000000A-0000-4000-8000-000000000000')).toBe(false);
    expect(isUuid(5)).toBe(false);
    expect(isUuid(teams(1)[0])).toBe(true);
  });
});
