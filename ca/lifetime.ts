import type { IssueRequest } from './authority.ts';
import { MosaicError } from '../domain/errors.ts';

/** SPEC M2: a leaf lives 5 minutes to 365 days. */
const LEAF_SECONDS = { least: 300, most: 365 * 86_400 } as const;

/** @throws MosaicError `ca_unavailable` for a lifetime no authority of ours may sign */
export const assertLeafLifetime = (request: Pick<IssueRequest, 'notBefore' | 'notAfter'>): void => {
  const seconds = (request.notAfter.getTime() - request.notBefore.getTime()) / 1000;
  if (seconds >= LEAF_SECONDS.least && seconds <= LEAF_SECONDS.most) return;
  const detail = 'A certificate’s lifetime must be 5 minutes to 365 days.';
  throw new MosaicError('ca_unavailable', { detail, cause: new Error(detail) });
};
