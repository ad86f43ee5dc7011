import type { PgliteStorage } from '../../../db/connect/pglite.ts';
import { openMaintenance } from '../../../db/connect/maintenance.ts';
import type { Driver } from '../../../db/driver/driver.ts';
import { pgliteDriver } from '../../../db/driver/pglite.ts';
import { memoryStorage } from '../../../db/testing/database.testkit.ts';
import { populate, type PopulationOptions } from '../../../db/testing/population.testkit.ts';
import { withSource, type Source } from '../../../db/transfer/source.ts';
import { transfer, type Transferred, type TransferHooks } from '../../../db/transfer/transfer.ts';
import { startCluster, type Cluster } from './cluster.ts';

/** Written down here once more: what the product finds out by itself is checked against it. */
export const TABLES: readonly string[] = [
  'users',
  'teams',
  'memberships',
  'api_tokens',
  'tasks',
  'notes',
  'memory',
  'credentials',
  'api_keys',
  'federation_peers',
  'federation_grants',
  'federation_enrollment_tokens',
  'issued_certificates',
  'revocation_outbox',
  'federation_audit_log',
  'federation_audit_gaps',
  'federation_audit_seen',
  'federation_audit_writers',
  'peer_renewals',
  'federation_peer_trust',
  'gateway_revocation',
  'gateway_revocation_epochs',
  'gateway_secrets',
  'embedded_ca_revocations',
  'embedded_ca_state',
  'step_ca_roll',
];

/** Every row of every table, by an eye that is not the product's. */
export const LINES = `select line from (${TABLES.map(
  (name) => `select '${name} ' || md5(t::text) as line from ${name} t`,
).join(' union all ')}) l order by line collate "C"`;

export const HOOKS: TransferHooks = {
  stillLocked: () => Promise.resolve(),
  onRows: () => undefined,
  onStartOver: () => undefined,
};

/** A populated embedded store, and a Postgres to move it to. */
export interface Moving {
  readonly cluster: Cluster;
  readonly store: PgliteStorage;
  reading<T>(work: (source: Source) => Promise<T>): Promise<T>;
  withTarget<T>(url: string, work: (target: Driver) => Promise<T>): Promise<T>;
  /** Moves all of it, or what is missing. */
  run(url: string, hooks?: TransferHooks): Promise<Transferred>;
  linesOf(url: string): Promise<readonly string[]>;
  sourceContents(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const withTarget = async <T>(url: string, work: (target: Driver) => Promise<T>): Promise<T> => {
  const target = openMaintenance(url, 'test');
  try {
    return await work(target);
  } finally {
    await target.close();
  }
};

/** @param rows of the tables with most rows */
export const openMoving = async (rows: number, options: PopulationOptions = {}): Promise<Moving> => {
  const [cluster, store] = await Promise.all([startCluster(), memoryStorage()]);
  const { sealer } = await populate(store, rows, options);
  // Maintenance starts from the session's own role, as the command does on a data folder.
  await store.client.exec('reset role');
  const driver = pgliteDriver(store.client);
  const reading = <T>(work: (source: Source) => Promise<T>): Promise<T> => withSource(driver, sealer, work);
  return {
    cluster,
    store,
    reading,
    withTarget,
    run: (url, hooks = HOOKS) =>
      withTarget(url, (target) => reading((source) => transfer(source, target, hooks))),
    linesOf: async (url) => (await cluster.underneath<{ line: string }>(url, LINES)).map(({ line }) => line),
    sourceContents: async () =>
      (await store.client.query<{ line: string }>(LINES)).rows.map(({ line }) => line),
    close: async () => {
      await store.close();
      await cluster.close();
    },
  };
};
