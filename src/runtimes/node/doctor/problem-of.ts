import { BootError } from '../boot/boot-fault.ts';
import type { Problem } from './finding.ts';

/** What a boot would refuse, as a finding. */
export const problemOf = (error: unknown): Problem => {
  const [fault] = error instanceof BootError ? error.faults : [];
  if (fault !== undefined) return { message: fault.message, remedy: fault.remedy };
  return {
    message: 'the check failed for an unknown reason',
    remedy: 'start the gateway and look at its log',
  };
};
