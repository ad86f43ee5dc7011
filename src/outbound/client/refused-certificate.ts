import { CERTIFICATE_VERDICTS, verdictOfDetail } from '../../../domain/peers/certificate-verdict.ts';

/** What this side knows when a peer has refused its certificate. */
export interface RefusedCertificate {
  /** The peer's `detail`: recognized, never repeated. */
  readonly said: string | null;
  /** The peer's `Date`: its word, which moves nothing but the words here. */
  readonly date: string | null;
  /** When the certificate that was presented ends, by this side's own row; null when it is not known. */
  readonly notAfter: Date | null;
  readonly now: Date;
}

export interface Explanation {
  readonly message: string;
  readonly remedy?: string;
}

const MINUTE_MS = 60_000;
/** Beyond it the length says nothing: such a clock was never set. */
const MOST_MS = 366 * 86_400_000;
const LONGEST_DATE = 64;

/** The one form of RFC 9110 that servers send; other texts are not given to the parser of dates. */
const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

const lengthOf = (milliseconds: number): string => {
  if (milliseconds > MOST_MS) return 'more than a year';
  const minutes = Math.round(milliseconds / MINUTE_MS);
  if (minutes < 120) return minutes === 1 ? 'a minute' : `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
};

/** How far apart the clocks are, in words; null when they agree to a minute, or when the peer did not tell. */
export const clocksApart = (date: string | null, now: Date): string | null => {
  if (date === null || date.length > LONGEST_DATE || !IMF_DATE.test(date)) return null;
  const apart = Date.parse(date) - now.getTime();
  if (Number.isNaN(apart) || Math.abs(apart) <= MINUTE_MS) return null;
  const side = apart > 0 ? 'ahead of' : 'behind';
  return `The peer’s clock is about ${lengthOf(Math.abs(apart))} ${side} this gateway’s.`;
};

const ENROLL = 'enroll again with a new enrollment URL from the peer';
const SET_CLOCKS = 'Set both clocks right';

/** Why the peer refused the certificate and what to do, as far as this side can tell; all of it in own words. */
export const refusedCertificate = ({ said, date, notAfter, now }: RefusedCertificate): Explanation => {
  const verdict = said === null ? null : verdictOfDetail(said);
  const isOfTime = verdict === 'expired' || verdict === 'not_yet_valid';
  if (verdict !== null && !isOfTime) {
    const { remedy } = CERTIFICATE_VERDICTS[verdict];
    const message = `The peer says: ${CERTIFICATE_VERDICTS[verdict].detail}`;
    return {
      message,
      remedy: remedy ?? 'Ask the peer’s operator for a new enrollment URL, and enroll again.',
    };
  }
  const apart = clocksApart(date, now);
  if (notAfter !== null && notAfter <= now && verdict !== 'not_yet_valid') {
    const ended = `This gateway’s certificate for the peer ended on ${notAfter.toISOString()}.`;
    return apart === null
      ? { message: ended, remedy: `E${ENROLL.slice(1)}.` }
      : { message: `${ended} ${apart}`, remedy: `${SET_CLOCKS}; when the end still is past, ${ENROLL}.` };
  }
  const claim =
    verdict === 'expired'
      ? 'By the peer’s clock the certificate has expired.'
      : verdict === 'not_yet_valid'
        ? 'By the peer’s clock the certificate is not valid yet.'
        : null;
  const message = [claim, apart].filter((part) => part !== null).join(' ');
  if (message === '') return { message };
  if (apart !== null)
    return { message, remedy: `${SET_CLOCKS}; when the certificate still is refused then, ${ENROLL}.` };
  return { message, remedy: `Compare the clocks of both gateways; when they agree, ${ENROLL}.` };
};
