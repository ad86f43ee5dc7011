import { compareRows } from '../../../domain/blend/blend.ts';
import {
  byResource,
  TASK_STATUSES,
  resourceSpec,
  type FieldSpec,
  type Resource,
  type ResourceRow,
} from '../../../domain/resources.ts';
import { isUuid } from '../../../domain/uuid.ts';

type Check = (value: unknown) => value is string | null;

const TIMESTAMP =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
/** A day that every month has. */
const ANY_MONTHS_DAY = '28';

/**
 * RFC 3339 UTC with milliseconds, and a day that exists: cursors and order depend on the exact text. It is asked of each time
 * of each row that a peer sends, so only a day that not every month has is looked up in the calendar.
 */
export const isTimestamp = (value: unknown): value is string => {
  if (typeof value !== 'string' || !TIMESTAMP.test(value)) return false;
  if (value.slice(8, 10) <= ANY_MONTHS_DAY) return true;
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString() === value;
};

const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' &&
  // A character outside the BMP is two code units but one character.
  (value.length <= maxLength || (value.length <= maxLength * 2 && Array.from(value).length <= maxLength)) &&
  value.isWellFormed() &&
  !value.includes('\u0000');

const isOfKind = (value: unknown, field: FieldSpec): value is string => {
  switch (field.kind) {
    case 'text':
      return isText(value, field.maxLength);
    case 'timestamp':
      return isTimestamp(value);
    case 'task_status':
      return TASK_STATUSES.some((status) => status === value);
  }
};

const checkOf =
  (field: FieldSpec): Check =>
  (value): value is string | null =>
    value === null ? !field.required : isOfKind(value, field);

const isUuidOrNull: Check = (value): value is string | null => value === null || isUuid(value);

/** Reads one row a peer sent: a fresh object of exactly the known columns, or null when any is missing or wrong. */
export type RowReader = (value: unknown) => ResourceRow | null;

const compile = (resource: Resource): RowReader => {
  const fields = Object.entries(resourceSpec(resource).fields).map(([name, field]) => ({
    name,
    check: checkOf(field),
  }));
  return (value) => {
    if (typeof value !== 'object' || value === null) return null;
    const given = value as Record<string, unknown>;
    const { id, owner_id, team_id, created_at, updated_at } = given;
    if (!isUuid(id) || !isUuidOrNull(owner_id) || !isUuidOrNull(team_id)) return null;
    if (!isTimestamp(created_at) || !isTimestamp(updated_at)) return null;
    const row: Record<string, string | null> = {};
    for (const { name, check } of fields) {
      const cell = given[name];
      if (!check(cell)) return null;
      row[name] = cell;
    }
    return { id, owner_id, team_id, created_at, updated_at, ...row };
  };
};

const READERS = byResource(compile);

export const rowReader = (resource: Resource): RowReader => READERS[resource];

/** Reads rows that must be in list order, each once; null when one of them is not acceptable. */
export const readRows = (
  resource: Resource,
  value: unknown,
  atMost: number,
): readonly ResourceRow[] | null => {
  if (!Array.isArray(value) || value.length > atMost) return null;
  const read = rowReader(resource);
  const rows: ResourceRow[] = [];
  for (const item of value) {
    const row = read(item);
    const before = rows.at(-1);
    if (row === null || (before !== undefined && compareRows(before, row) >= 0)) return null;
    rows.push(row);
  }
  return rows;
};
