import type { Context } from 'hono';

/** Where a request comes from, by whatever a runtime can vouch for; null when it can't tell. */
export type ClientAddressSource = (c: Context) => string | null;

/**
 * The default: a runtime that knows the address passes it as `clientAddress` in the environment of `app.fetch`.
 * No header is believed, because anyone can send one.
 */
export const addressFromEnvironment: ClientAddressSource = (c) => {
  const environment: unknown = c.env;
  if (typeof environment !== 'object' || environment === null || !('clientAddress' in environment))
    return null;
  return typeof environment.clientAddress === 'string' ? environment.clientAddress : null;
};
