import { MosaicError } from '../domain/errors.ts';
import type { Generations } from '../domain/ports/authority.ts';
import type { RollState, RollStep } from './authority.ts';

export const phaseOf = <T>({ oldest, issuing, newest }: Generations<T>): RollState['phase'] => {
  if (oldest === newest) return 'stable';
  return issuing === newest ? 'switched' : 'announced';
};

const PHASE_BEFORE = { announce: 'stable', switch: 'announced', retire: 'switched' } as const;

/**
 * What follows from a step.
 * @param next the generation that `announce` makes known
 * @throws MosaicError `invalid_transition` out of turn
 */
export const after = <T>(step: RollStep, from: Generations<T>, next: T, now: Date): Generations<T> => {
  const phase = phaseOf(from);
  if (phase !== PHASE_BEFORE[step]) {
    throw new MosaicError('invalid_transition', {
      detail: `The root of the authority is ${phase}. The step ${step} is possible only when it is ${PHASE_BEFORE[step]}.`,
    });
  }
  switch (step) {
    case 'announce':
      return { ...from, newest: next, announcedAt: now, switchedAt: null };
    case 'switch':
      return { ...from, issuing: from.newest, switchedAt: now };
    case 'retire':
      return { ...from, oldest: from.newest, announcedAt: null, switchedAt: null };
  }
};

export const conflicting = (): MosaicError =>
  new MosaicError('conflict', { detail: 'Another rollover of the root is in progress.' });
