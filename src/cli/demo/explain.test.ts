import { describe, expect, it } from 'vitest';
import type { Scope } from '../../../domain/scope/scope.ts';
import { explainLeftOut } from './explain.ts';

const T1 = '11111111-2222-4333-8444-555555555555';
const T2 = '21111111-2222-4333-8444-555555555555';
const scope: Scope = {
  resources: ['tasks'],
  excluded_resources: [],
  filters: { tasks: { include_teams: [T1], include_personal: false } },
  max_rows_per_query: 2,
};

const row = (id: string, team: string | null) => ({ id, title: `row ${id}`, team_id: team, created_at: '' });
const native = [row('a', T1), row('b', T2), row('c', T2), row('d', null), row('e', T1)];
const explain = (over: Partial<Scope>, arrived: readonly string[]) =>
  explainLeftOut({
    resource: 'tasks',
    scope: { ...scope, ...over },
    native,
    arrived: new Set(arrived),
    teams: { platform: T1, design: T2 },
  });

describe('what a scope left out', () => {
  it('has a line per reason, with an example', () => {
    expect(explain({}, ['a', 'e'])).toEqual([
      {
        rows: 2,
        belongsTo: 'team design',
        why: 'filters.tasks.include_teams does not name design',
        example: 'row b',
      },
      {
        rows: 1,
        belongsTo: 'the subject alone',
        why: 'filters.tasks.include_personal is false',
        example: 'row d',
      },
    ]);
  });

  it('does not blame the scope for rows it lets through', () => {
    expect(explain({}, ['a']).at(-1)).toMatchObject({
      rows: 1,
      belongsTo: 'team platform',
      why: expect.stringContaining('not on this page') as string,
    });
  });

  it('tells a resource that is not granted from one that is excluded', () => {
    expect(explain({ resources: ['notes'] }, [])[0]?.why).toBe('the scope does not grant tasks');
    expect(explain({ excluded_resources: ['tasks'] }, [])[0]?.why).toBe('the scope excludes tasks');
  });

  it('is empty when everything arrived', () => expect(explain({}, ['a', 'b', 'c', 'd', 'e'])).toEqual([]));
});
