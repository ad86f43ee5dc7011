import type { DatabaseState } from '../../domain/database/state.ts';
import { HINDRANCE_CURES, type Hindrance } from '../../domain/database/hindrance.ts';
import type { Log } from '../../domain/ports/basics.ts';

/** A database that is restarted is away for less, and that is nobody's business. */
const AWAY_MS = 15_000;

/**
 * Tells the log, and with `alert` the operator, how the database stands: at once where a person has to look, and after a while
 * where it may come back by itself.
 */
export const databaseWatch = (log: Log): ((now: DatabaseState) => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isTold = false;

  const tell = ({ condition, since, cure }: DatabaseState): void => {
    isTold = true;
    log.error('the gateway cannot serve from the database', {
      alert: 'database_unfit',
      condition,
      since: since.toISOString(),
      cure,
    });
  };

  return (now) => {
    clearTimeout(timer);
    if (now.condition === 'ok') {
      log.warn('the gateway can serve from the database again', { alerted: isTold });
      isTold = false;
    } else if (now.condition === 'away') {
      log.warn('the database does not answer', { condition: now.condition, cure: now.cure });
      timer = setTimeout(() => tell(now), AWAY_MS);
      // Where the host has it: a process that ends for want of a database does not wait to say so again.
      if (typeof timer === 'object' && 'unref' in timer) (timer as { unref(): void }).unref();
    } else tell(now);
  };
};

const AGAIN_MS = 60_000;

/** Tells what statements meet at a database that can be served from otherwise: at once, and once a minute while it lasts. */
export const hindranceWatch = (log: Log): ((met: Hindrance) => void) => {
  const told = new Map<Hindrance, number>();
  return (met) => {
    const now = performance.now();
    if (now - (told.get(met) ?? -Infinity) < AGAIN_MS) return;
    told.set(met, now);
    log.error('the database hinders statements', {
      alert: 'database_hindered',
      hindrance: met,
      cure: HINDRANCE_CURES[met],
    });
  };
};
