import { BootError } from '../boot-fault.ts';
import type { Problem } from './finding.ts';

/** What a boot would refuse, as a finding. */
export const problemOf = (error: unknown): Problem => {
  const [fault] = error instanceof BootError ? error.faults : [];
  if (fault !== undefined) return { message: fault.message, remedy: fault.remedy };
  return { message: 'it fails without a known reason', remedy: 'see the log of a start' };
};
