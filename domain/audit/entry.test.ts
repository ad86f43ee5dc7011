import { describe, expect, it } from 'vitest';
import { classOf, outcomeOf, type AuditVerb } from './entry.ts';

/* MUTANTS audit/entry: entries of a class give way together, and those of changes last. */

const CLASSES: Readonly<Record<AuditVerb, 'change' | 'outcome'>> = {
  capabilities: 'outcome',
  list: 'outcome',
  get: 'outcome',
  search: 'outcome',
  unknown: 'outcome',
  checkpoint: 'outcome',
  admin: 'change',
  enroll: 'change',
  revoke: 'change',
  renew: 'change',
};

describe('MUTANTS audit/entry the class of an audit entry', () => {
  it.each(Object.entries(CLASSES))('of verb %s is that of a %s', (verb, kind) => {
    for (const outcome of ['allowed', 'denied', 'error'] as const)
      expect(classOf({ verb: verb as AuditVerb, outcome })).toBe(kind === 'change' ? 'change' : outcome);
  });

  it.each([
    [200, 'allowed'],
    [304, 'allowed'],
    [399, 'allowed'],
    [400, 'denied'],
    [499, 'denied'],
    [500, 'error'],
    [503, 'error'],
  ])('status %d is %s', (status, outcome) => expect(outcomeOf(status)).toBe(outcome));
});
