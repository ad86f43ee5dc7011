import { MosaicError } from '../../../domain/errors.ts';

/** What an isolate knows of the database: after a failure only one request at a time tries, and the others are told at once. */
export interface DatabaseGate {
  /** @throws MosaicError `database_unavailable` when it did not answer a moment ago */
  assertOpen(): void;
  /** Opens it, for no longer than a moment. @throws MosaicError `database_unavailable`, and whatever the work throws */
  through<T>(open: () => Promise<T>, late: (opened: T) => void): Promise<T>;
}

/** How long nobody tries after a failure. */
const RETRY_MS = 1_000;

const away = (cause?: unknown): MosaicError =>
  new MosaicError('database_unavailable', { retryAfterSeconds: RETRY_MS / 1_000, cause });

const isAway = (error: unknown): error is MosaicError =>
  error instanceof MosaicError && error.code === 'database_unavailable';

/**
 * @param limitMs longest an opening may take: connecting, and the questions whether it is the right database
 * @param now in milliseconds since the epoch
 */
export const createDatabaseGate = (limitMs: number, now: () => number): DatabaseGate => {
  let failedAt: number | null = null;
  let tryingSince: number | null = null;

  const assertOpen = (): void => {
    if (failedAt === null) return;
    // The one that tries may have been ended by the runtime: then another one does, after a while.
    const isTried = tryingSince !== null && now() - tryingSince < limitMs + RETRY_MS;
    if (isTried || now() - failedAt < RETRY_MS) throw away();
  };

  const inTime = async <T>(open: () => Promise<T>, late: (opened: T) => void): Promise<T> => {
    let isLate = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const opening = open();
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true;
        reject(away());
      }, limitMs);
    });
    const closeLate = async (): Promise<void> => {
      const opened = await opening;
      if (isLate) late(opened);
    };
    closeLate().catch(() => undefined);
    try {
      return await Promise.race([opening, deadline]);
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    assertOpen,
    through: async (open, late) => {
      assertOpen();
      if (failedAt !== null) tryingSince = now();
      try {
        const opened = await inTime(open, late);
        failedAt = null;
        return opened;
      } catch (error) {
        failedAt = isAway(error) ? now() : null;
        throw isAway(error) ? away(error.cause) : error;
      } finally {
        tryingSince = null;
      }
    },
  };
};
