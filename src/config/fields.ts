import { z } from 'zod';

export const DURATION = /^([1-9]\d{0,8})(s|m|h|d)$/;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const LEAF_LIFETIME_SECONDS = { min: 5 * 60, max: 365 * 86_400 } as const;

/** Seconds of a text such as `30d` or `5m`, or null when it is not one. */
export const durationSeconds = (text: string): number | null => {
  const match = DURATION.exec(text);
  return match === null ? null : Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS];
};

export const isLeafLifetime = (text: string): boolean => {
  const seconds = durationSeconds(text) ?? 0;
  return seconds >= LEAF_LIFETIME_SECONDS.min && seconds <= LEAF_LIFETIME_SECONDS.max;
};

export const isUrl = (text: string, protocols: readonly string[]): boolean => {
  const url = URL.parse(text);
  return url !== null && protocols.includes(url.protocol) && url.hostname !== '';
};

/** A base others append a path to: nothing after the port, so that the two never clash. */
export const isBaseUrl = (text: string, protocols: readonly string[]): boolean => {
  const url = URL.parse(text);
  if (url === null || !isUrl(text, protocols) || url.username !== '' || url.password !== '') return false;
  return (
    url.pathname === '/' && url.search === '' && url.hash === '' && !text.includes('?') && !text.includes('#')
  );
};

/** As a socket takes it: an IPv6 address without the brackets that people write around it. */
export const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

export const HOST = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$|^\[?[0-9a-fA-F:.]{2,45}\]?$/;

/** What was expected at each field, for messages; the published schema has its own words (`describe`). */
const expectations = z.registry<{ readonly expected: string }>();

export const expectedOf = (schema: z.ZodType): string | undefined => expectations.get(schema)?.expected;

/** Notes what a field expects. Last in a chain: every step before it makes a new schema. */
export const expecting = <T extends z.ZodType>(schema: T, expected: string): T => {
  expectations.add(schema, { expected });
  return schema;
};

export const field = <T extends z.ZodType>(schema: T, expected: string, description: string) =>
  expecting(schema.optional().describe(description), expected);

export const section = <T extends z.ZodRawShape>(shape: T, description: string) =>
  field(z.strictObject(shape), 'an object', description);

export const text = z.string().min(1);
