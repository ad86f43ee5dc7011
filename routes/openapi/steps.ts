/** Lets everything else that waits for the loop go first. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * Runs work that is made of steps, one in each turn of the loop: what takes a tenth of a second in one piece would be felt by every request
 * of that moment (FAULTS F-4).
 */
export const inTurns = async <Result>(steps: Generator<void, Result>): Promise<Result> => {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await pause();
  }
};
