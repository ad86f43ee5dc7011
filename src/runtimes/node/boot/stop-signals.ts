/** A hang-up ends a gateway as gracefully as the others: Node starts with the default action even under nohup. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** How long a start that is under way may still take, in milliseconds, when it is asked to stop: nothing is lost by then. */
const STARTING_MS = 3_000;
/** Beyond the time that the gateway itself keeps to. */
const MARGIN_MS = 500;
const FAILED_MS = 2_000;

export interface StopSignals {
  /** Resolves with the first signal that asks to stop. */
  readonly asked: Promise<NodeJS.Signals | 'stdin'>;
  /** As a signal, from elsewhere. */
  ask(): void;
  /** The gateway runs, and stops within so many milliseconds. Until then a start that hangs is ended. */
  started(stopMs: number): void;
  /** It will not run. The process ends with its exit code, although what failed may have left something that would keep it. */
  failed(): void;
}

/**
 * Listens from now on. The second signal ends the process at once, and so does a shutdown, or a start, that does not end in
 * its time: whoever waits would kill it without a word.
 */
export const stopSignals = (exitCode = 1): StopSignals => {
  let limitMs = STARTING_MS;
  let wasAsked = false;
  let tell: (signal: NodeJS.Signals | 'stdin') => void;
  const asked = new Promise<NodeJS.Signals | 'stdin'>((resolve) => (tell = resolve));
  const end = (): void => {
    setTimeout(() => {
      process.stderr.write(`The gateway did not stop within ${limitMs / 1_000} s and was ended.\n`);
      process.exit(exitCode);
    }, limitMs).unref();
  };
  const onSignal = (signal: NodeJS.Signals | 'stdin'): void => {
    if (wasAsked) {
      if (signal !== 'stdin') process.exit(exitCode);
      return;
    }
    wasAsked = true;
    end();
    tell(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  // Unless somebody listens, Node opens its debugger on this signal, and whoever reaches that reads all memory (FAULTS F-72).
  process.on('SIGUSR1', () => undefined);
  return {
    asked,
    ask: () => onSignal('stdin'),
    started: (stopMs) => {
      limitMs = stopMs + MARGIN_MS;
      if (wasAsked) end();
    },
    failed: () => {
      // Enough for what is still on its way to a pipe.
      setTimeout(() => process.exit(), FAILED_MS).unref();
    },
  };
};
