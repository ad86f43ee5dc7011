import { z } from 'zod';
import {
  COMMON_COLUMNS,
  TASK_STATUSES,
  resourceSpec,
  type FieldSpec,
  type Resource,
} from '../../domain/resources.ts';
import { timestamp, uuid } from '../http/shapes.ts';

/** Validators of the resources, all derived from the resources table. */
const MAX_SECRET_LENGTH = 10_000;
const FIRST_TASK_STATUS = TASK_STATUSES[0];

/** Any RFC 3339 time in; the same instant in UTC with milliseconds out. Postgres knows no year 0. */
const instant = z.iso
  .datetime({ offset: true, abort: true, error: 'must be an RFC 3339 time such as 2030-01-31T09:00:00Z' })
  .refine((text) => /^(?!0000)\d{4}-/.test(new Date(text).toISOString()), 'must lie in the years 1 to 9999')
  .transform((text) => new Date(text).toISOString())
  .meta({ format: 'date-time' });

const textOf = ({ required, maxLength }: FieldSpec) => {
  const text = z.string().max(maxLength);
  return required ? text.regex(/\S/, 'must not be blank') : text;
};

const valueOf = (spec: FieldSpec): z.ZodType<string | null> => {
  if (spec.kind === 'task_status') return z.enum(TASK_STATUSES);
  const value = spec.kind === 'timestamp' ? instant : textOf(spec);
  return spec.required ? value : value.nullable();
};

const secret = z
  .string()
  .min(1)
  .max(MAX_SECRET_LENGTH)
  .meta({ description: 'Stored sealed; no answer holds it.' });

type Shape = Record<string, z.ZodType>;

const fieldsOf = (resource: Resource): readonly (readonly [string, FieldSpec])[] =>
  Object.entries(resourceSpec(resource).fields);

/** Body of POST. A task is open unless it says otherwise; other absent fields are null. */
export const newRowShape = (resource: Resource) => {
  const shape: Shape = {
    team_id: uuid.nullable().optional().meta({ description: 'Absent or null: a personal row.' }),
  };
  for (const [name, spec] of fieldsOf(resource)) {
    const value = valueOf(spec);
    if (spec.required) shape[name] = value;
    else shape[name] = value.default(spec.kind === 'task_status' ? FIRST_TASK_STATUS : null);
  }
  if (resourceSpec(resource).sensitive) shape['secret'] = secret.optional();
  return z.strictObject(shape);
};

/** Body of PATCH: absent keeps, null clears. */
export const patchShape = (resource: Resource) => {
  const shape: Shape = {};
  for (const [name, spec] of fieldsOf(resource)) shape[name] = valueOf(spec).optional();
  if (resourceSpec(resource).sensitive) shape['secret'] = secret.nullable().optional();
  return z
    .strictObject(shape)
    .refine((body) => Object.values(body).some((value) => value !== undefined), 'must change something')
    .meta({ minProperties: 1 });
};

const nullableColumns: readonly string[] = ['owner_id', 'team_id'];

/** `API key` → `APIKey`. */
const componentName = (resource: Resource): string =>
  resourceSpec(resource)
    .singular.split(' ')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

/** A row as it is answered. */
export const rowShape = (resource: Resource) => {
  const shape: Shape = {};
  for (const column of COMMON_COLUMNS) {
    const value = column.endsWith('_id') || column === 'id' ? uuid : timestamp;
    shape[column] = nullableColumns.includes(column) ? value.nullable() : value;
  }
  for (const [name, spec] of fieldsOf(resource)) {
    const value =
      spec.kind === 'timestamp'
        ? timestamp
        : spec.kind === 'task_status'
          ? z.enum(TASK_STATUSES)
          : z.string();
    shape[name] = spec.required || spec.kind === 'task_status' ? value : value.nullable();
  }
  return z.strictObject(shape).meta({ id: componentName(resource) });
};

/** The resource's own columns of a validated body. */
export const fieldsIn = (
  resource: Resource,
  body: Readonly<Record<string, unknown>>,
): Record<string, string | null> =>
  Object.fromEntries(
    fieldsOf(resource).flatMap(([name]) => {
      const value = body[name];
      return typeof value === 'string' || value === null ? [[name, value]] : [];
    }),
  );
