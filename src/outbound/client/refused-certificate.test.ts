import { describe, expect, it } from 'vitest';
import { CERTIFICATE_VERDICTS } from '../../../domain/peers/certificate-verdict.ts';
import { clocksApart, refusedCertificate, type RefusedCertificate } from './refused-certificate.ts';

const HOUR = 3_600_000;
const now = new Date('2026-11-22T12:00:00.000Z');
const after = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);
const told = (parts: Partial<RefusedCertificate>) =>
  refusedCertificate({ said: null, date: now.toUTCString(), notAfter: after(HOUR), now, ...parts });

describe('F-56 why a peer refused the certificate', () => {
  it.each([
    ['2 hours ahead', 2 * HOUR, 'about 2 hours ahead of'],
    ['2 hours behind', -2 * HOUR, 'about 2 hours behind'],
    ['90 seconds ahead', 90_000, 'about 2 minutes ahead of'],
    ['3 days behind', -72 * HOUR, 'about 3 days behind'],
    ['at the epoch', -now.getTime(), 'more than a year behind'],
  ])('a clock that is %s is named', (_what, apart, words) => {
    expect(clocksApart(after(apart).toUTCString(), now)).toContain(words);
  });

  it.each([
    ['a minute', after(60_000).toUTCString()],
    ['no date', null],
    ['nothing', ''],
    ['another form', '2026-11-22T14:00:00Z'],
    ['a text', 'Call 555-0100, 22 Nov 2026 14:00:00 GMT'],
    ['no such day', 'Xxx, 99 Nov 2026 14:00:00 GMT'],
    ['a long one', `Sun, 22 Nov 2026 14:00:00 GMT${' '.repeat(100_000)}`],
  ])('%s is no difference', (_what, date) => {
    expect(clocksApart(date, now)).toBeNull();
  });

  it('the own certificate’s end is known here, whatever the peer says', () => {
    for (const said of [null, CERTIFICATE_VERDICTS.expired.detail, 'certificate_expired']) {
      const { message, remedy } = told({ said, notAfter: after(-HOUR) });
      expect(message).toContain('ended on 2026-11-22T11:00:00.000Z');
      expect(remedy).toMatch(/^Enroll again/);
    }
  });

  it('an end that has come by this clock alone is told with the clocks', () => {
    const { message, remedy } = told({ notAfter: after(-HOUR), date: after(-2 * HOUR).toUTCString() });
    expect(message).toMatch(/ended on .* 2 hours behind/);
    expect(remedy).toMatch(/^Set both clocks right; .*enroll again/);
  });

  it('what the peer says of the time is told as its word, with the clocks where they differ', () => {
    const said = CERTIFICATE_VERDICTS.not_yet_valid.detail;
    const { message, remedy } = told({ said });
    expect(message).toBe('By the peer’s clock the certificate is not valid yet.');
    expect(remedy).toContain('Compare the clocks');
    expect(told({ said, date: after(-2 * HOUR).toUTCString() }).message).toMatch(/not valid yet\. .*2 hours/);
    expect(told({ said: CERTIFICATE_VERDICTS.expired.detail }).message).toContain('has expired');
  });

  it('another reason stays the reason, also when the clocks differ', () => {
    const { message } = told({
      said: CERTIFICATE_VERDICTS.revoked.detail,
      date: after(2 * HOUR).toUTCString(),
    });
    expect(message).toBe('The peer says: The certificate was revoked.');
  });

  it('no text of the peer is repeated', () => {
    for (const said of [
      '<b>call 555-0100</b>',
      `${CERTIFICATE_VERDICTS.revoked.detail} Pay here.`,
      'toString',
    ])
      expect(told({ said })).toEqual({ message: '' });
    expect(JSON.stringify(told({ date: 'Mon, 01 Jan 2001 00:00:00 GMT' }))).not.toContain('2001');
  });
});
