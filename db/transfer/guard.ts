import { MosaicError } from '../../domain/errors.ts';
import type { Queryable } from '../driver/driver.ts';
import { hasTable, readState } from './state.ts';

/**
 * For a gateway's start: half a store looks like a whole one with rows missing.
 * @throws MosaicError `unavailable` when a transfer into this database has not finished
 */
export const refuseUnfinishedTransfer = async (database: Queryable): Promise<void> => {
  if (!(await hasTable(database, 'mosaic_transfer'))) return;
  const state = await readState(database);
  if (state === null || state.completedAt !== null) return;
  throw new MosaicError('unavailable', {
    detail:
      'A transfer into this database (mosaic storage migrate-tier) has not finished. Run that command again; it goes on where it was.',
  });
};
