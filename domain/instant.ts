const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)(?:T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;

/** Days of a month, which `Date` would carry over into the next one: February 30 became March 2. */
const daysOf = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

/**
 * A point in time as RFC 3339 writes it, or a date alone for its first moment in UTC.
 * @returns milliseconds since 1970; null for what is no such text, or for a day that no calendar has
 */
export const parseInstant = (text: string): number | null => {
  const [, year, month, day] = INSTANT.exec(text) ?? [];
  if (year === undefined || Number(year) === 0) return null;
  if (Number(month) < 1 || Number(month) > 12) return null;
  if (Number(day) < 1 || Number(day) > daysOf(Number(year), Number(month))) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
};
