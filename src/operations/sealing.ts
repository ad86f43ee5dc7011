import { MosaicError } from '../../domain/errors.ts';
import type { SealedCount, SealedItem, SealedPosition } from '../../domain/ports/sealed.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { adminChange, AS_ADMIN } from '../audit/admin-change.ts';

/** Small enough for one transaction, large enough that a round trip does not matter. */
export const RESEAL_BATCH = 200;

export interface SealingState {
  /** Id of the key that seals. */
  readonly keyId: string;
  readonly sealed: readonly SealedCount[];
  /** Values that another key sealed. */
  readonly others: number;
}

/** How much is sealed under which key. @throws MosaicError `database_unavailable` */
export const sealingState = async (deps: Pick<Deps, 'storage' | 'sealer'>): Promise<SealingState> => {
  const keyId = deps.sealer.currentKeyId();
  const sealed = await deps.storage.transaction((stores) => stores.sealed.census(), AS_ADMIN);
  const others = sealed.filter((one) => one.keyId !== keyId).reduce((sum, { rows }) => sum + rows, 0);
  return { keyId, sealed, others };
};

export interface Resealed {
  readonly keyId: string;
  readonly resealed: number;
  /** Written anew by somebody else meanwhile: the next pass looks at them. */
  readonly changed: number;
  /** Sealed under a key that is not configured, or damaged: left as they are. */
  readonly unopenable: number;
  /** Where to go on; null at the end. */
  readonly next: SealedPosition | null;
}

interface Change {
  readonly item: SealedItem;
  readonly by: string;
}

const resealOne = async ({ sealer, log }: Deps, item: SealedItem): Promise<Change | null> => {
  try {
    return { item, by: await sealer.seal(await sealer.open(item.sealed, item.identity), item.identity) };
  } catch (error) {
    if (!(error instanceof MosaicError)) throw error;
    log.error('a sealed value does not open and stays as it is', {
      table: item.table,
      key: item.key,
      error: error.cause instanceof Error ? error.cause : error,
    });
    return null;
  }
};

/**
 * Seals the next few values anew under the current key (SPEC M2). Each batch is one transaction with its audit entry,
 * so that a run may end at any moment and be started again; a value is replaced only while it is the one that was read,
 * so that nothing written meanwhile is lost. In tier `local` a pass that begins when all is sealed under the current
 * key makes a new key first.
 *
 * @param after where an earlier batch ended; null begins a pass
 * @throws MosaicError `database_unavailable`
 */
export const resealBatch = async (
  deps: Deps,
  actor: Actor,
  after: SealedPosition | null,
): Promise<Resealed> => {
  const isBegin = after === null;
  const makeKey = deps.newSealingKey;
  if (isBegin && makeKey !== undefined && (await sealingState(deps)).others === 0) await makeKey();
  const keyId = deps.sealer.currentKeyId();
  const items = await deps.storage.transaction(
    (stores) => stores.sealed.readOthers(keyId, after, RESEAL_BATCH),
    AS_ADMIN,
  );
  const made = await Promise.all(items.map((item) => resealOne(deps, item)));
  const changes = made.filter((change) => change !== null);
  let resealed = 0;
  if (isBegin || changes.length > 0) {
    resealed = await adminChange(deps, actor, { action: 'keys.rotate', status: 200 }, async (stores) => {
      let replaced = 0;
      for (const { item, by } of changes) replaced += (await stores.sealed.replace(item, by)) ? 1 : 0;
      return replaced;
    });
  }
  const last = items.at(-1);
  return {
    keyId,
    resealed,
    changed: changes.length - resealed,
    unopenable: items.length - changes.length,
    next: last === undefined || items.length < RESEAL_BATCH ? null : { table: last.table, key: last.key },
  };
};
