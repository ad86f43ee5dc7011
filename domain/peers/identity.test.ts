import { describe, expect, it } from 'vitest';
import { GRANT_ID_OID, isOfCertificate, SUBJECT_USER_ID_OID } from './identity.ts';

describe('MUTANTS peers/identity whether a record is of the presented certificate', () => {
  const presented = { serial: 'ab12', fingerprint: 'f'.repeat(64) };

  it('takes the same serial and the same fingerprint together, and neither alone', () => {
    expect(isOfCertificate({ ...presented }, presented)).toBe(true);
    for (const other of [
      { ...presented, serial: 'ab13' },
      { ...presented, fingerprint: '0'.repeat(64) },
      { ...presented, fingerprint: null },
      { ...presented, serial: null },
    ])
      expect(isOfCertificate(other, presented)).toBe(false);
  });

  it('looks for the identity in the extensions that peers have in their certificates', () => {
    expect([GRANT_ID_OID, SUBJECT_USER_ID_OID]).toEqual(['1.3.6.1.4.1.99999.1', '1.3.6.1.4.1.99999.2']);
  });
});
