/** How long calls may take. The signal is made when a call is: most questions are answered without one. */
export interface Deadline {
  readonly signal: AbortSignal;
}

/** Why calls end whose question is answered. Made once: an error is dear, and this one ends nearly every question. */
const GIVEN_UP = new Error('the question was answered or given up');

/** The deadline of a question, and what ends everything that is still under way for it. */
export const createDeadline = (
  milliseconds: number,
): { readonly deadline: Deadline; readonly giveUp: () => void } => {
  let controller: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;

  const begin = (): AbortController => {
    const made = new AbortController();
    if (isOver) made.abort(GIVEN_UP);
    else {
      const late = (): void => made.abort(new DOMException('The deadline has passed.', 'TimeoutError'));
      timer = setTimeout(late, milliseconds);
    }
    return made;
  };

  return {
    deadline: {
      get signal() {
        return (controller ??= begin()).signal;
      },
    },
    giveUp: () => {
      isOver = true;
      clearTimeout(timer);
      controller?.abort(GIVEN_UP);
    },
  };
};

/** Whether whoever waited went away, and not the time. */
export const isGivenUp = (signal: AbortSignal): boolean =>
  signal.aborted && (signal.reason as Error | undefined)?.name !== 'TimeoutError';
