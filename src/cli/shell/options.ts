import { InvalidArgumentError } from 'commander';
import { parseInstant } from '../../../domain/instant.ts';
import { usageError } from './exit.ts';

/** Parser of a whole number within bounds, both included. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };

/**
 * Parser of a point in time in the past or the future, for the filters of listings.
 * @returns RFC 3339 in UTC
 */
export const moment = (text: string): string => {
  const at = parseInstant(text);
  if (at === null)
    throw new InvalidArgumentError('Expected a moment such as 2027-01-31 or 2027-01-31T12:00:00Z.');
  return new Date(at).toISOString();
};

const SECONDS = { m: 60, h: 3_600, d: 86_400 } as const;

/**
 * A moment in the future: RFC 3339, or a distance such as `45m`, `12h` or `30d`.
 * @returns RFC 3339 in UTC
 * @throws CliError usage
 */
export const parseExpiry = (text: string, now: Date): string => {
  const distance = /^([1-9]\d{0,5})([mhd])$/.exec(text);
  const at =
    distance === null
      ? (parseInstant(text) ?? Number.NaN)
      : now.getTime() + Number(distance[1]) * SECONDS[distance[2] as keyof typeof SECONDS] * 1000;
  if (Number.isNaN(at) || at > 8.64e15) {
    throw usageError(`"${text}" is not a moment.`, 'Give 30d, 12h, 45m, 2027-01-31 or 2027-01-31T12:00:00Z.');
  }
  if (at <= now.getTime()) throw usageError(`${text} has passed already.`);
  return new Date(at).toISOString();
};

/**
 * `--field name=value`, repeated. The value may hold further `=`.
 * @throws CliError usage
 */
export const parseFields = (pairs: readonly string[]): Record<string, string> => {
  const fields = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(at, 0));
    if (name === '') throw usageError(`--field ${pair} is not of the form name=value.`);
    if (fields.has(name)) throw usageError(`--field ${name} is given twice.`);
    fields.set(name, pair.slice(at + 1));
  }
  return Object.fromEntries(fields);
};
