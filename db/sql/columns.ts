import { COMMON_COLUMNS, resourceSpec, type Resource } from '../../domain/resources.ts';

interface ShownColumn {
  readonly name: string;
  readonly isTime: boolean;
}

/** Every column a row shows, from the resources table: what is not listed there is never selected. */
export const shownColumns = (resource: Resource): readonly ShownColumn[] => [
  ...COMMON_COLUMNS.map((name) => ({ name, isTime: name.endsWith('_at') })),
  ...Object.entries(resourceSpec(resource).fields).map(([name, { kind }]) => ({
    name,
    isTime: kind === 'timestamp',
  })),
];

/** Select list as stored, for an inner query. */
export const rawColumns = (resource: Resource, table: string): string =>
  shownColumns(resource)
    .map(({ name }) => `${table}.${name}`)
    .join(', ');

/** Select list as shown: times in UTC whatever the session's zone is. */
export const displayColumns = (resource: Resource, table: string): string =>
  shownColumns(resource)
    .map(({ name, isTime }) =>
      isTime ? `${table}.${name} at time zone 'UTC' as ${name}` : `${table}.${name}`,
    )
    .join(', ');
