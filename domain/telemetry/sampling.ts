import type { TraceParent } from './traceparent.ts';
import type { TraceOrigin } from '../ports/telemetry.ts';

export interface SamplingTerms {
  /** 0 to 1: of the requests that nobody else decides about. */
  readonly ratio: number;
  /** How many traces a second are recorded because the sender records them, at most. */
  readonly wishesPerSecond: number;
}

/** What changes from call to call. */
export interface SamplingSource {
  /** Milliseconds. */
  readonly now: () => number;
  /** From 0 to below 1. */
  readonly chance: () => number;
}

/**
 * Decides which requests are recorded. A sender that records its own side is followed, so that a trace is whole, but only
 * within a budget: otherwise one flag in a header would decide how much is recorded here. Beyond the budget its requests are
 * drawn like any others. The draw is our own and never made of the trace id, which the sender chooses. A person's program
 * that says no is followed too; a peer's no means nothing: its gateway may just not be watched.
 */
export const createSampler = (
  { ratio, wishesPerSecond }: SamplingTerms,
  { now, chance }: SamplingSource,
): ((parent: TraceParent | null, origin: TraceOrigin) => boolean) => {
  let wishes = wishesPerSecond;
  let filledAt = now();
  const grantWish = (): boolean => {
    const at = now();
    wishes = Math.min(wishesPerSecond, wishes + (Math.max(0, at - filledAt) / 1_000) * wishesPerSecond);
    filledAt = at;
    if (wishes < 1) return false;
    wishes -= 1;
    return true;
  };
  return (parent, origin) => {
    if (parent?.isSampled === true && grantWish()) return true;
    if (origin === 'client' && parent?.isSampled === false) return false;
    return chance() < ratio;
  };
};
