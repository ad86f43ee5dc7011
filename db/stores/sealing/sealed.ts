import type { SealedItem, SealedStore } from '../../../domain/ports/sealed.ts';
import { sealedHeader, sealedUnder } from '../../sealing/seal.ts';
import { unwrapped, type Session } from '../session.ts';

interface SealedColumn {
  readonly table: string;
  /** Primary key: `id`, or the name of a gateway's own secret. */
  readonly key: 'id' | 'name' | 'peer_id';
  readonly column: string;
  readonly identity: (key: string) => string;
}

const ofRow = (table: string, column: string, purpose: string): SealedColumn => ({
  table,
  key: 'id',
  column,
  identity: (id) => `${table}/${id}/${purpose}`,
});

/** Every column that holds sealed values, the gateway's own keys first; a test finds what is missing here. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: 'gateway_secrets', key: 'name', column: 'sealed', identity: (name) => `gateway_secrets/${name}` },
  ofRow('federation_peers', 'client_key_pem', 'client_key_pem'),
  {
    table: 'peer_renewals',
    key: 'peer_id',
    column: 'pending_key_pem',
    identity: (id) => `peer_renewals/${id}/pending_key_pem`,
  },
  ofRow('federation_grants', 'audit_key_sealed', 'audit_key'),
  ofRow('credentials', 'secret_sealed', 'secret'),
  ofRow('api_keys', 'secret_sealed', 'secret'),
];

const typeOf = ({ key }: SealedColumn): string => (key === 'name' ? 'text' : 'uuid');

/** Table and column names are this file's own. All of it needs the administrating role. */
export const createSealedStore = ({ raw }: Session): SealedStore => {
  const readColumn = async (
    of: SealedColumn,
    keyId: string,
    after: string | null,
    limit: number,
  ): Promise<readonly SealedItem[]> => {
    const { table, column, key } = of;
    const further = after === null ? '' : `and ${key} > $3::${typeOf(of)}`;
    const rows = await raw.query<{ key: string; sealed: string }>(
      `select ${key}::text as key, ${column} as sealed from ${table}
        where ${column} is not null and split_part(${column}, '.', 2) <> $1 ${further}
        order by ${key} limit $2::int`,
      [sealedHeader(keyId), limit, ...(after === null ? [] : [after])],
    );
    return rows.map((row) => ({ table, key: row.key, sealed: row.sealed, identity: of.identity(row.key) }));
  };

  return unwrapped<SealedStore>({
    census: async () => {
      const parts = await Promise.all(
        SEALED_COLUMNS.map(async ({ table, column }) => {
          const rows = await raw.query<{ sample: string; rows: number }>(
            `select min(${column}) as sample, count(*)::int as rows from ${table}
              where ${column} is not null group by split_part(${column}, '.', 2)`,
          );
          return rows.map(({ sample, rows: count }) => ({ table, keyId: sealedUnder(sample), rows: count }));
        }),
      );
      return parts.flat();
    },

    readOthers: async (keyId, after, limit) => {
      const start = after === null ? 0 : SEALED_COLUMNS.findIndex(({ table }) => table === after.table);
      const items: SealedItem[] = [];
      for (const [at, of] of SEALED_COLUMNS.entries()) {
        if (at < start || items.length >= limit) continue;
        const from = after !== null && at === start ? after.key : null;
        items.push(...(await readColumn(of, keyId, from, limit - items.length)));
      }
      return items;
    },

    replace: async ({ table, key, sealed }, by) => {
      const of = SEALED_COLUMNS.find((one) => one.table === table);
      if (of === undefined) return false;
      const rows = await raw.query(
        `update ${of.table} set ${of.column} = $1
          where ${of.key} = $2::${typeOf(of)} and ${of.column} = $3 returning 1 as one`,
        [by, key, sealed],
      );
      return rows.length > 0;
    },
  });
};
