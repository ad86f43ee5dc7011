/**
 * The one table that knows every resource. Nothing else lists resources or their columns: SQL, validators,
 * OpenAPI, CLI tables and scope checks are all derived from here.
 */
export type FieldKind = 'text' | 'timestamp' | 'task_status';

export interface FieldSpec {
  readonly kind: FieldKind;
  readonly required: boolean;
  /** Longest text, in characters. */
  readonly maxLength: number;
  /** Weight in keyword search (`A` strongest), or absent when not searched. */
  readonly search?: 'A' | 'B' | 'C';
}

export interface ResourceSpec {
  /** Database table, and the path segment in every API. */
  readonly table: string;
  /** One noun for one row, for messages. */
  readonly singular: string;
  /** Sensitive resources need an explicit approval in a scope (SPEC M2) and hold sealed secret material. */
  readonly sensitive: boolean;
  /** Columns beside the common ones, in display order. What is not listed here can not leave the database. */
  readonly fields: Readonly<Record<string, FieldSpec>>;
}

const title: FieldSpec = { kind: 'text', required: true, maxLength: 300, search: 'A' };
const text = (maxLength: number, search?: 'A' | 'B' | 'C'): FieldSpec =>
  search === undefined
    ? { kind: 'text', required: false, maxLength }
    : { kind: 'text', required: false, maxLength, search };

export const RESOURCE_TABLE = {
  tasks: {
    table: 'tasks',
    singular: 'task',
    sensitive: false,
    fields: {
      title,
      body: text(20_000, 'B'),
      status: { kind: 'task_status', required: false, maxLength: 16 },
      due_at: { kind: 'timestamp', required: false, maxLength: 40 },
    },
  },
  notes: {
    table: 'notes',
    singular: 'note',
    sensitive: false,
    fields: { title, body: text(100_000, 'B') },
  },
  memory: {
    table: 'memory',
    singular: 'memory',
    sensitive: false,
    fields: { title, content: text(100_000, 'B') },
  },
  credentials: {
    table: 'credentials',
    singular: 'credential',
    sensitive: true,
    fields: { title, username: text(300, 'B'), url: text(2_000, 'C') },
  },
  api_keys: {
    table: 'api_keys',
    singular: 'API key',
    sensitive: true,
    fields: {
      title,
      service: text(300, 'B'),
      expires_at: { kind: 'timestamp', required: false, maxLength: 40 },
    },
  },
} as const satisfies Record<string, ResourceSpec>;

export type Resource = keyof typeof RESOURCE_TABLE;

export const RESOURCES = Object.keys(RESOURCE_TABLE) as readonly Resource[];

/** A table of what is made once for each resource. */
export const byResource = <T>(make: (resource: Resource) => T): Readonly<Record<Resource, T>> =>
  Object.fromEntries(RESOURCES.map((resource) => [resource, make(resource)])) as Record<Resource, T>;

export const isResource = (value: unknown): value is Resource =>
  typeof value === 'string' && Object.hasOwn(RESOURCE_TABLE, value);

export const resourceSpec = (resource: Resource): ResourceSpec => RESOURCE_TABLE[resource];

export const isSensitive = (resource: Resource): boolean => RESOURCE_TABLE[resource].sensitive;

/** Columns every row shows, before the resource's own. Secret material is in none of them. */
export const COMMON_COLUMNS = ['id', 'owner_id', 'team_id', 'created_at', 'updated_at'] as const;

export const TASK_STATUSES = ['open', 'in_progress', 'done'] as const;

/** A row as it may leave the database: common columns and the resource's fields, timestamps as RFC 3339 UTC with milliseconds. */
export interface ResourceRow {
  readonly id: string;
  /** null when the person who wrote a team row was deleted. */
  readonly owner_id: string | null;
  readonly team_id: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly [field: string]: string | null;
}
