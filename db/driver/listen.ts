import type { Connection } from './connection.ts';

type Open = (onOver: () => void, onnotify: (channel: string) => void) => Promise<Connection>;

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
/** A connection that says nothing may be dead: it is asked so often, and has so long to answer. */
const ASK_MS = 5_000;
const ANSWER_MS = 3_000;

const within = async <T>(work: Promise<T>, milliseconds: number, late: () => void): Promise<T> => {
  const timer = setTimeout(late, milliseconds);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Listens on a channel over a connection of its own, and opens another one when it is lost.
 *
 * @param heard called for each notification, and each time the connection had been lost: what was said meanwhile is not repeated
 * @returns what ends it
 * @throws what `open` throws, for the first connection alone
 */
export const listenOn = async (
  open: Open,
  channel: string,
  heard: () => void,
): Promise<() => Promise<void>> => {
  let isEnded = false;
  let current: Connection | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const later = (milliseconds: number, work: () => Promise<void>): void => {
    clearTimeout(timer);
    if (!isEnded) timer = setTimeout(() => void work(), milliseconds);
  };

  const ask = async (): Promise<void> => {
    const asked = current;
    if (asked === null || asked.isOver) return;
    try {
      await within(asked.send('select 1', [], 'values'), ANSWER_MS, () => asked.destroy());
      later(ASK_MS, ask);
    } catch {
      // It is over, and `onOver` opens the next one.
    }
  };

  const connect = async (): Promise<void> => {
    let opened: Connection | null = null;
    const onOver = (): void => {
      if (opened !== null && opened === current) later(FIRST_PAUSE_MS, () => again(FIRST_PAUSE_MS));
    };
    const connection = await open(onOver, (said) => {
      if (said === channel) heard();
    });
    opened = current = connection;
    await within(connection.send(`listen "${channel}"`, [], 'script'), ANSWER_MS, () => connection.destroy());
    if (isEnded) connection.destroy();
    else later(ASK_MS, ask);
  };

  const again = async (pauseMs: number): Promise<void> => {
    current = null;
    try {
      await connect();
      heard();
    } catch {
      const next = Math.min(pauseMs * 2, LAST_PAUSE_MS);
      current = null;
      later(next, () => again(next));
    }
  };

  try {
    await connect();
  } catch (error) {
    isEnded = true;
    clearTimeout(timer);
    throw error;
  }
  return async () => {
    isEnded = true;
    clearTimeout(timer);
    const last = current;
    current = null;
    await last?.end();
  };
};
