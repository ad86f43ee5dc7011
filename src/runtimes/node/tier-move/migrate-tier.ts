import { openMaintenance } from '../../../../db/connect/maintenance.ts';
import { ADDRESS_FILES } from '../boot/database-address.ts';
import { createSealer, sealingKey } from '../../../../db/sealing/seal.ts';
import { whileLocked } from '../../../../db/transfer/lock.ts';
import { withSource, type Source } from '../../../../db/transfer/source.ts';
import { inspectTarget, type TargetState } from '../../../../db/transfer/target.ts';
import { transfer, type Phase, type Transferred } from '../../../../db/transfer/transfer.ts';
import {
  SESSION,
  describeDatabase,
  openPostgres,
  openStore,
  type OpenedStore,
  type StoreToMove,
} from './migrate-tier-stores.ts';

export { TransferError } from '../../../../db/transfer/error.ts';
export { DataFolderError } from '../boot/data-folder.ts';
export { localStore, type StoreToMove } from './migrate-tier-stores.ts';

export interface TierPlan {
  /** For people: a folder, or `host:port/database`. */
  readonly source: string;
  readonly target: string;
  readonly state: TargetState;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  readonly rows: number;
  /** Peers at the door with certificates of the embedded authority, which another authority does not know. */
  readonly embeddedCertificates: number;
  /** Where the sealing key lies that the new gateway needs, when it is a file of the data folder. */
  readonly keyFile: string | null;
}

export type TierOutcome =
  | { readonly status: 'planned' | 'declined' | 'already_complete'; readonly plan: TierPlan }
  | { readonly status: 'complete'; readonly plan: TierPlan; readonly result: Transferred };

export interface MoveHooks {
  /** Looks and changes nothing. */
  readonly isDryRun: boolean;
  /** Whether to go on. Not asked for a dry run, nor when there is nothing to do. */
  readonly confirm: (plan: TierPlan) => Promise<boolean>;
  readonly onRows: (phase: Phase, table: string, count: number) => void;
  readonly onStartOver: () => void;
}

const planOf = (source: Source, opened: OpenedStore, target: string, state: TargetState): TierPlan => {
  const tables = source.tables.map(({ name }) => ({ name, rows: source.counts.get(name) ?? 0 }));
  return {
    source: opened.place,
    target,
    state,
    tables,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    embeddedCertificates: source.embeddedCertificates,
    keyFile: opened.keyFile,
  };
};

const move = async (
  source: Source,
  opened: OpenedStore,
  targetUrl: string,
  hooks: MoveHooks,
): Promise<TierOutcome> => {
  const target = await openPostgres('target', targetUrl);
  const guard = openMaintenance(targetUrl, `${SESSION}-lock`, ADDRESS_FILES);
  try {
    const state = await inspectTarget(target, source);
    const plan = planOf(source, opened, describeDatabase(targetUrl), state);
    if (state.kind === 'complete') return { status: 'already_complete', plan };
    if (hooks.isDryRun) return { status: 'planned', plan };
    if (!(await hooks.confirm(plan))) return { status: 'declined', plan };
    const result = await whileLocked(guard, (stillLocked) =>
      transfer(source, target, { ...hooks, stillLocked }),
    );
    return { status: 'complete', plan, result };
  } finally {
    await Promise.all([target.close(), guard.close()]);
  }
};

/**
 * `mosaic storage migrate-tier`: moves a store of tier `local` or `standalone` into a Postgres (SPEC M1-4). The source
 * is locked against writing meanwhile and stays as it is.
 *
 * @throws TransferError, DataFolderError, MosaicError `database_unavailable`
 */
export const migrateTier = async (
  store: StoreToMove,
  targetUrl: string,
  hooks: MoveHooks,
): Promise<TierOutcome> => {
  const opened = await openStore(store);
  try {
    const sealer = createSealer({ current: await sealingKey(opened.key) });
    return await withSource(opened.driver, sealer, (source) => move(source, opened, targetUrl, hooks));
  } finally {
    await opened.close();
  }
};
