import type { ServerResponse } from 'node:http';

/**
 * Longest an answer may take to be read, in milliseconds: the largest one, at 32 kB a second. What it holds is its reader's for no
 * longer than that.
 */
const SEND_MS = 60_000;

/**
 * Calls `done` once, when an answer has left or its connection has ended; a reader that takes too long is cut off.
 *
 * @returns ends the connection at once
 */
export const whenSent = (
  outgoing: Pick<ServerResponse, 'once' | 'destroy' | 'closed'>,
  done: () => void,
  longestMs: number = SEND_MS,
): (() => void) => {
  const cut = (): void => void outgoing.destroy();
  if (outgoing.closed) {
    done();
    return cut;
  }
  const timer = setTimeout(cut, longestMs);
  outgoing.once('close', () => {
    clearTimeout(timer);
    done();
  });
  return cut;
};
