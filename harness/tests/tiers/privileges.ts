import type { Cluster } from '../migrate/cluster.ts';

/** What a role may do with a table, as docs/reference/database-roles.md writes it. */
export interface Privileges {
  readonly table: string;
  readonly columns: readonly string[];
  readonly may: Readonly<Record<Verb, readonly string[]>>;
}

export type Verb = 'select' | 'insert' | 'update' | 'delete';
export const VERBS: readonly Verb[] = ['select', 'insert', 'update', 'delete'];

interface Row {
  readonly name: string;
  readonly columns: readonly string[];
  readonly selects: readonly string[];
  readonly inserts: readonly string[];
  readonly updates: readonly string[];
  readonly deletes: boolean;
  readonly more: boolean;
}

const columnsThat = (role: string, privilege: string): string =>
  `coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
    and not a.attisdropped and has_column_privilege('${role}', c.oid, a.attnum, '${privilege}')), '{}')`;

/** Every table of the product and what the role may do with each column, as the database itself says. */
export const privilegesOf = async (
  cluster: Cluster,
  url: string,
  role: string,
): Promise<readonly Privileges[]> => {
  const rows = await cluster.underneath<Row>(
    url,
    `select c.relname::text as name,
      (select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
      ${columnsThat(role, 'SELECT')} as selects, ${columnsThat(role, 'INSERT')} as inserts, ${columnsThat(role, 'UPDATE')} as updates,
      has_table_privilege('${role}', c.oid, 'DELETE') as deletes,
      has_table_privilege('${role}', c.oid, 'TRUNCATE, REFERENCES, TRIGGER') as more
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition order by 1`,
  );
  return rows.map(({ name, columns, selects, inserts, updates, deletes, more }) => {
    if (more) throw new Error(`${role} may truncate ${name}, refer to it or put triggers on it`);
    const may = { select: selects, insert: inserts, update: updates, delete: deletes ? columns : [] };
    return { table: name, columns, may };
  });
};

const cell = ({ columns, may }: Privileges): string => {
  const parts = VERBS.flatMap((verb) => {
    const allowed = may[verb];
    if (allowed.length === 0) return [];
    if (allowed.length === columns.length) return [verb];
    const denied = columns.filter((column) => !allowed.includes(column));
    return [
      denied.length < allowed.length
        ? `${verb} (not ${denied.join(', ')})`
        : `${verb} (${allowed.join(', ')})`,
    ];
  });
  return parts.length === 0 ? '–' : parts.join('; ');
};

/** The lines of the documented matrix. */
export const matrixOf = (byRole: readonly (readonly Privileges[])[]): readonly string[] =>
  (byRole[0] ?? []).map(({ table }, index) => {
    const cells = byRole.map((privileges) => {
      const one = privileges[index];
      return one === undefined ? '?' : cell(one);
    });
    return `| ${[`\`${table}\``, ...cells].join(' | ')} |`;
  });
