import { describe, expect, it } from 'vitest';
import { toMosaicError } from '../../db/driver/errors.ts';
import { conditionOf, gravestOf, isDataRefused } from './state.ts';

const thrown = (code: string) => toMosaicError(Object.assign(new Error('x'), { code }));

describe('what an error says of the database', () => {
  it.each([
    '25006',
    '28P01',
    '28000',
    '42501',
    '42P01',
    '42703',
    '3D000',
    '3F000',
    '53100',
    '53300',
    '57P01',
    '57P03',
    '57014',
    '58030',
    '40001',
    '55P03',
    '08006',
    '0A000',
    '26000',
    'XX000',
    'XX001',
    'ECONNREFUSED',
    'EACCES',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'SASL_SIGNATURE_MISMATCH',
    'QUEUE_FULL',
  ])('F-21 %s is a state of the database: 503, and no refusal of data', (code) => {
    expect(thrown(code).code).toBe('database_unavailable');
    expect(isDataRefused(thrown(code))).toBe(false);
    expect(conditionOf(thrown(code))).not.toBe('ok');
  });

  it.each(['22P05', '22001', '23514', '23502', '54000'])('F-21 %s is a refusal of the data', (code) => {
    expect(thrown(code).code).toBe('internal');
    expect(isDataRefused(thrown(code))).toBe(true);
  });

  it.each(['23505', '23503'])('%s is a conflict, and a refusal', (code) => {
    expect(thrown(code).code).toBe('conflict');
    expect(isDataRefused(thrown(code))).toBe(true);
  });

  it.each(['42601', '25P02', 'P0001', '21000'])('%s is a fault of ours, and no refusal', (code) => {
    expect(thrown(code).code).toBe('internal');
    expect(isDataRefused(thrown(code))).toBe(false);
  });

  it('names what is to be done about it', () => {
    expect(conditionOf(thrown('25006'))).toBe('read_only');
    expect(conditionOf(thrown('28P01'))).toBe('refused');
    expect(conditionOf(thrown('STANDBY'))).toBe('standby');
    expect(conditionOf(thrown('ECONNREFUSED'))).toBe('away');
    expect(gravestOf(['ok', 'away', 'standby'])).toBe('standby');
    expect(gravestOf([])).toBe('ok');
  });
});
