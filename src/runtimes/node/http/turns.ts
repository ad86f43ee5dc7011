/** Started in one turn of the loop: few enough that whoever else waits for the loop hardly notices. */
const AT_ONCE = 4;

/** Starts work, at once or in one of the next turns of the loop. */
export type Turns = (party: unknown, start: () => void) => void;

/**
 * Requests of many connections come in within one turn of the loop, and each takes a millisecond of it: 256 of one peer held everybody
 * for a second, handshakes too. So only a few are started a turn, and the parties take turns among themselves. With nothing else
 * waiting it is a call.
 */
export const createTurns = (): Turns => {
  const waiting = new Map<unknown, (() => void)[]>();
  let started = 0;
  let isCounting = false;

  /** Of the party that has waited longest; it goes to the end when it has more. */
  const next = (): (() => void) | undefined => {
    for (const [party, starts] of waiting) {
      const start = starts.shift();
      waiting.delete(party);
      if (starts.length > 0) waiting.set(party, starts);
      return start;
    }
    return undefined;
  };
  const turn = (): void => {
    started = 0;
    isCounting = false;
    // Each a callback of its own, so that what one leaves to do is done before the other begins.
    for (let count = 0; count < AT_ONCE && waiting.size > 0; count += 1) {
      const start = next();
      if (start !== undefined) begin(start);
    }
  };
  const begin = (start: () => void): void => {
    started += 1;
    if (!isCounting) {
      isCounting = true;
      setImmediate(turn);
    }
    setImmediate(start);
  };

  return (party, start) => {
    if (started < AT_ONCE && waiting.size === 0) {
      started += 1;
      if (!isCounting) {
        isCounting = true;
        setImmediate(turn);
      }
      start();
      return;
    }
    const starts = waiting.get(party);
    if (starts === undefined) waiting.set(party, [start]);
    else starts.push(start);
  };
};
