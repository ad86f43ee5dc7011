import fc from 'fast-check';
import { large, small, type LargePlan, type Material, type Op, type Plan } from './mutate.ts';

/** A reader of what outsiders send, and how it is told that it read wrongly. */
export interface Target {
  readonly name: string;
  readonly material: Material;
  /**
   * Reads one input. An exception that the reader's documentation does not name is a fault, and so is a promise that takes
   * long. @throws Error that says what is wrong with what was read
   */
  check(input: Uint8Array): unknown;
}

export interface Effort {
  readonly small: number;
  readonly large: number;
  /** For the same inputs again. */
  readonly seed?: number;
}

export const SMALL_BYTES = 4 * 1024;
export const LARGE_BYTES = 8 * 1024 * 1024;
/** The aim is 50 ms; what is wrong takes seconds to minutes, and a busy machine ten times as long. */
const LIMIT_MS = 1_000;
/** Shrinking ends then, too. */
const MAX_TARGET_MS = 100_000;

const op: fc.Arbitrary<Op> = fc.tuple(fc.nat(63), fc.nat(0xffff), fc.nat(255), fc.nat(63));
const smallPlan: fc.Arbitrary<Plan> = fc.record({ file: fc.nat(255), ops: fc.array(op, { maxLength: 3 }) });
const largePlan: fc.Arbitrary<LargePlan> = fc.record({
  file: fc.nat(255),
  ops: fc.array(op, { maxLength: 2 }),
  size: fc.oneof(fc.integer({ min: SMALL_BYTES, max: LARGE_BYTES }), fc.constant(LARGE_BYTES - 64)),
  shape: fc.nat(63),
  value: fc.nat(255),
});

/** Of this process: a machine that is busy with other things does not count against a reader. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const timed = async (target: Target, input: Uint8Array): Promise<void> => {
  const [began, used] = [performance.now(), cpuMs()];
  await target.check(input);
  const took = Math.min(performance.now() - began, cpuMs() - used);
  if (took > LIMIT_MS) throw new Error(`it took ${Math.round(took)} ms for ${input.length} octets`);
};

const run = async <T>(
  arbitrary: fc.Arbitrary<T>,
  { numRuns, isLarge, seed }: { numRuns: number; isLarge: boolean; seed: number | undefined },
  work: (plan: T) => Promise<void>,
): Promise<void> => {
  await fc.assert(fc.asyncProperty(arbitrary, work), {
    numRuns,
    ...(seed === undefined ? {} : { seed }),
    // The smallest of large inputs is not looked for: each try may take seconds.
    endOnFailure: isLarge,
    interruptAfterTimeLimit: MAX_TARGET_MS,
    markInterruptAsFailure: true,
  });
};

/** Runs a target over many inputs. @throws Error with seed, path and the smallest input that shows a fault */
const fuzz = async (target: Target, effort: Effort): Promise<void> => {
  const { material } = target;
  const { seed } = effort;
  await run(smallPlan, { numRuns: effort.small, isLarge: false, seed }, (plan) =>
    timed(target, small(material, plan, SMALL_BYTES)),
  );
  await run(largePlan, { numRuns: effort.large, isLarge: true, seed }, (plan) =>
    timed(target, large(material, plan)),
  );
};

/** What is wrong with a target, with seed and path, or null. */
export const faultOf = async (target: Target, effort: Effort): Promise<string | null> => {
  try {
    await fuzz(target, effort);
    return null;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    const { cause } = error;
    return cause instanceof Error ? `${error.message}\n${cause.message}` : error.message;
  }
};
