import { isSensitive, resourceSpec, type Resource } from '../../domain/resources.ts';
import { displayColumns } from './columns.ts';

const CASTS = { text: 'text', timestamp: 'timestamptz', task_status: 'task_status' } as const;

/** Fields of a write in the resource's own order: a name that the resource does not have never reaches SQL. */
export const writtenFields = (
  resource: Resource,
  fields: Readonly<Record<string, unknown>>,
): readonly string[] =>
  Object.keys(resourceSpec(resource).fields).filter((name) => fields[name] !== undefined);

/** A parameter as a value of its column. A task always has a status: clearing it opens the task. */
const valueOf = (resource: Resource, field: string, parameter: number): string => {
  const kind = resourceSpec(resource).fields[field]?.kind ?? 'text';
  const value = `$${parameter}::${CASTS[kind]}`;
  return kind === 'task_status' ? `coalesce(${value}, 'open')` : value;
};

/** Personal row of the subject `$1`, or a row of one of the subject's teams. */
const visible = (table: string): string => `((${table}.team_id is null and ${table}.owner_id = $1::uuid)
  or (${table}.team_id is not null and exists (
    select from memberships m where m.team_id = ${table}.team_id and m.user_id = $1::uuid)))`;

/** Parameters: subject, id, team, time, then the fields, then the sealed secret of a sensitive resource. */
export const insertText = (resource: Resource, fields: readonly string[]): string => {
  const { table } = resourceSpec(resource);
  const sealed = isSensitive(resource) ? ['secret_sealed'] : [];
  const values = [...fields, ...sealed].map((field, index) => valueOf(resource, field, index + 5));
  return `insert into ${table} as t (owner_id, id, team_id, created_at, updated_at${[...fields, ...sealed].map((name) => `, ${name}`).join('')})
select $1::uuid, $2::uuid, $3::uuid, $4::timestamptz, $4::timestamptz${values.map((value) => `, ${value}`).join('')}
where $3::uuid is null or exists (select from memberships m where m.team_id = $3::uuid and m.user_id = $1::uuid)
returning ${displayColumns(resource, 't')}`;
};

/** Parameters: subject, id, time, then the fields, then the sealed secret where `withSecret`. */
export const updateText = (resource: Resource, fields: readonly string[], withSecret: boolean): string => {
  const columns = [...fields, ...(withSecret ? ['secret_sealed'] : [])];
  const changes = columns.map((name, index) => `, ${name} = ${valueOf(resource, name, index + 4)}`);
  return `update ${resourceSpec(resource).table} t set updated_at = $3::timestamptz${changes.join('')}
where t.id = $2::uuid and ${visible('t')}
returning ${displayColumns(resource, 't')}`;
};

/**
 * Parameters: subject, id. No row: not visible. Otherwise whether it was deleted: one's own rows, and rows of a
 * team as their author or as an admin of that team.
 */
export const deleteText = (resource: Resource): string => {
  const { table } = resourceSpec(resource);
  return `with seen as (select t.id, t.owner_id, t.team_id from ${table} t where t.id = $2::uuid and ${visible('t')}),
gone as (
  delete from ${table} d using seen where d.id = seen.id and (
    seen.owner_id = $1::uuid or exists (
      select from memberships m where m.team_id = seen.team_id and m.user_id = $1::uuid and m.role = 'admin'))
  returning d.id
)
select exists (select from gone) as deleted from seen`;
};
