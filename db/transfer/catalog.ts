import type { Queryable, Transaction } from '../driver/driver.ts';

/** `mosaic_admin` has a policy for all rows where row-level security is forced; elsewhere the owner needs none. */
export type Role = 'mosaic_admin' | 'mosaic_owner';

export interface KeyColumn {
  /** Quoted for SQL. */
  readonly name: string;
  readonly type: string;
}

/** A table of the product as the database describes it. */
export interface Table {
  /** Quoted for SQL. */
  readonly name: string;
  /** All but generated ones, quoted for SQL. */
  readonly columns: readonly string[];
  /** The primary key, in its order. */
  readonly key: readonly KeyColumn[];
  readonly role: Role;
  /** Has triggers of ours that judge new rows: a row that is moved was judged when it was made. */
  readonly isGuarded: boolean;
}

/** Tables that say something of the database they are in, or of a process, and not of the gateway. */
export const BOOKKEEPING = [
  'mosaic_migrations',
  'mosaic_transfer',
  'mosaic_transfer_tables',
  'gateway_leases',
] as const;

interface CatalogRow {
  readonly name: string;
  readonly columns: string;
  readonly key: string;
  readonly forced: boolean;
  readonly guarded: boolean;
  readonly parents: string;
}

/** tgtype: bit 2 stands for INSERT. */
const CATALOG = `
select quote_ident(c.relname) as name,
  (select json_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')::text as columns,
  coalesce((select json_agg(json_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, null))
      order by array_position(i.indkey::int2[], a.attnum))
    from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey::int2[])
    where i.indrelid = c.oid and i.indisprimary), '[]')::text as key,
  c.relforcerowsecurity as forced,
  exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and (t.tgtype & 4) <> 0) as guarded,
  coalesce((select json_agg(distinct quote_ident(p.relname)) from pg_constraint f join pg_class p on p.oid = f.confrelid
    where f.conrelid = c.oid and f.contype = 'f' and p.oid <> c.oid), '[]')::text as parents
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname <> all (array['${BOOKKEEPING.join("','")}'])
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by c.relname`;

const toTable = ({ name, columns, key, forced, guarded }: CatalogRow): Table => {
  const keyColumns = JSON.parse(key) as KeyColumn[];
  if (keyColumns.length === 0) throw new TypeError(`table ${name} has no primary key to go by`);
  return {
    name,
    columns: JSON.parse(columns) as string[],
    key: keyColumns,
    role: forced ? 'mosaic_admin' : 'mosaic_owner',
    isGuarded: guarded,
  };
};

/** Tables of the product, each after those its foreign keys point to: a later migration's need no word here. */
export const readTables = async (database: Queryable): Promise<readonly Table[]> => {
  const waiting = await database.query<CatalogRow>(CATALOG);
  const ordered: Table[] = [];
  const placed = new Set<string>();
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ parents }) =>
      (JSON.parse(parents) as string[]).every((parent) => placed.has(parent)),
    );
    const [row] = waiting.splice(next, next === -1 ? 0 : 1);
    if (row === undefined) throw new TypeError('the foreign keys of the tables form a circle');
    placed.add(row.name);
    ordered.push(toTable(row));
  }
  return ordered;
};

/** For the rest of the transaction, or until the next one. */
export const become = (transaction: Transaction, role: Role): Promise<void> =>
  transaction.script(`set local role ${role}`);

/** How many rows each table has. Changes the transaction's role. */
export const countRows = async (
  transaction: Transaction,
  tables: readonly Table[],
): Promise<ReadonlyMap<string, number>> => {
  const counts = new Map<string, number>();
  for (const { name, role } of tables) {
    await become(transaction, role);
    const [row] = await transaction.query<{ rows: string }>(
      `select count(*)::text as rows from public.${name}`,
    );
    counts.set(name, Number(row?.rows ?? 0));
  }
  return counts;
};
