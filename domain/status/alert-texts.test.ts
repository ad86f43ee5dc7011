import { describe, expect, it } from 'vitest';
import { ALERTS, withCure } from './alert-texts.ts';

describe('F-52 an alert', () => {
  it('says what to do, unless its line says so itself', () => {
    expect(withCure({ alert: 'audit_stalled', waiting: 3 })).toEqual({
      alert: 'audit_stalled',
      waiting: 3,
      cure: ALERTS.audit_stalled.cure,
    });
    expect(withCure({ alert: 'audit_stalled', cure: 'own' })['cure']).toBe('own');
  });

  it.each([{}, { alert: 'toString' }, { alert: 'unknown' }, { alert: 3 }])('%j is none of ours', (fields) => {
    expect(withCure(fields)).toBe(fields);
  });

  it.each(Object.entries(ALERTS))('%s is told of in whole sentences', (_name, { meaning, cure }) => {
    for (const text of [meaning, cure]) expect(text).toMatch(/^[A-Z].*\.$|^[A-Z].*: mosaic .*$|\)\.$/);
  });
});
