/** When a certificate ends, and since when it holds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const DAY_MS = 86_400_000;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 3_600_000;

/** How long before its end a certificate is renewed (SPEC M6-5): the lesser of 7 days and a third of its life. */
export const renewalWindowMs = ({ notBefore, notAfter }: Validity): number =>
  Math.min(7 * DAY_MS, Math.max(0, notAfter.getTime() - notBefore.getTime()) / 3);

/**
 * When to renew: at the beginning of the window, later by up to a tenth of it, so that what was enrolled together is
 * not renewed together.
 * @param random from 0 to 1
 */
export const renewalDueAt = (validity: Validity, random: number): Date =>
  new Date(validity.notAfter.getTime() - renewalWindowMs(validity) * (1 - random / 10));

/**
 * When to try again: later each time, up to an hour, and so that some tries are left before the certificate ends.
 * @param attempts that failed, from 1
 * @param random from 0 to 1
 */
export const renewalRetryAt = (attempts: number, notAfter: Date | null, now: Date, random: number): Date => {
  const backoff = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20), LAST_RETRY_MS);
  const left = notAfter === null ? Infinity : notAfter.getTime() - now.getTime();
  const wait = left > 0 ? Math.max(FIRST_RETRY_MS, Math.min(backoff, left / 8)) : LAST_RETRY_MS;
  return new Date(now.getTime() + wait * (0.75 + random / 2));
};
