import type { Driver } from '../driver/driver.ts';
import { TransferError } from './error.ts';

/** Any constant but the one of migrations. */
const LOCK = '727416912';
/** The server may take a moment to notice that a killed run is gone. */
const ATTEMPTS = 10;
const PAUSE_MS = 200;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/**
 * Runs `work` while this process alone holds the target's lock: that of a transaction on a connection of its own, so
 * that it also holds behind a pooler and ends with the process.
 *
 * @param driver of one connection that does nothing else
 * @param work gets a function that throws when the lock was lost
 * @throws TransferError `target_busy`
 */
export const whileLocked = <T>(
  driver: Driver,
  work: (stillLocked: () => Promise<void>) => Promise<T>,
): Promise<T> =>
  driver.transaction(async (transaction) => {
    for (let attempt = 1; ; attempt += 1) {
      const [row] = await transaction.query<{ locked: boolean }>(
        `select pg_try_advisory_xact_lock(${LOCK}) as locked`,
      );
      if (row?.locked === true) break;
      if (attempt === ATTEMPTS) {
        throw new TransferError(
          'target_busy',
          'Another run of this command is moving rows into the target.',
          'Let it finish, or end it and run the command again: it goes on where the other one was.',
        );
      }
      await pause();
    }
    return work(async () => {
      await transaction.query('select 1 as one');
    });
  });
