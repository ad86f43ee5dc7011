/** In one turn of the loop: few enough that whoever else waits for the loop hardly notices. */
const AT_ONCE = 4;

/**
 * Lets those who waited for the same go on a few in each turn of the loop. An answer that 180 waited for would otherwise be shown 180 times in one
 * turn, a millisecond each, and nothing else would be answered meanwhile (FAULTS F-10).
 *
 * @returns what to await before going on: null, at once, while few have gone on in this turn
 */
export const createPace = (): (() => Promise<void> | null) => {
  const waiting: (() => void)[] = [];
  let left = AT_ONCE;
  let isCounting = false;

  const turn = (): void => {
    left = AT_ONCE - Math.min(AT_ONCE, waiting.length);
    for (const goOn of waiting.splice(0, AT_ONCE)) goOn();
    isCounting = left < AT_ONCE;
    if (isCounting) setTimeout(turn, 0);
  };

  return () => {
    if (!isCounting) {
      isCounting = true;
      left = AT_ONCE;
      setTimeout(turn, 0);
    }
    if (left > 0 && waiting.length === 0) {
      left -= 1;
      return null;
    }
    return new Promise((resolve) => void waiting.push(resolve));
  };
};
