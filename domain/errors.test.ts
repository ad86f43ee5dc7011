import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE, ERROR_CODES, MosaicError, isErrorCode, toProblem } from './errors.ts';

describe('error catalogue', () => {
  it.each(ERROR_CODES)('%s has a status, a sentence and a remedy', (code) => {
    const { status, title, remedy } = ERROR_CATALOGUE[code];
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).toMatch(/^[A-Z].*\.$/);
    expect(remedy).toMatch(/^[A-Z].*\.$/);
  });

  it('shows the public part only', () => {
    const problem = toProblem(
      new MosaicError('internal', { cause: new Error('password=hunter2') }),
      'ab'.repeat(16),
    );
    expect(JSON.stringify(problem)).not.toContain('hunter2');
    expect(problem).toMatchObject({ status: 500, code: 'internal', trace_id: 'ab'.repeat(16) });
  });

  it('F-56 an occurrence’s own remedy stands in the catalogue’s place', () => {
    const remedy = 'Compare both clocks.';
    expect(toProblem(new MosaicError('peer_unreachable', { remedy, reason: 'x' }))).toEqual({
      ...toProblem(new MosaicError('peer_unreachable')),
      remedy,
    });
  });

  it('does not take inherited names for codes', () => {
    expect(isErrorCode('constructor')).toBe(false);
    expect(isErrorCode('not_found')).toBe(true);
  });
});
