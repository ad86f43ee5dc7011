import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
