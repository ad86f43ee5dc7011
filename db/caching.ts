import type { Driver, Param } from './driver/driver.ts';
import { unfit } from './session-facts.ts';

/**
 * No two answers are the same: each has the number of the transaction that it was made in. And there is no function in the text, by whose
 * name a cache would know that.
 */
const SEEN = `select string_agg(virtualxid, ' ' order by virtualxid) as seen from pg_locks where locktype =`;

/** As statements are sent that have values, and those that have none. */
const PROBES: readonly (readonly [text: string, params: readonly Param[]])[] = [
  [`${SEEN} $1`, ['virtualxid']],
  [`${SEEN} 'virtualxid'`, []],
];

/**
 * Asks the same twice: what stands in between must not answer from a cache, which would know tokens, certificates and grants for as
 * long as it keeps them (FAULTS F-77).
 * @throws MosaicError `database_unavailable` where it does, with the cure
 */
export const refuseCaching = async (driver: Driver): Promise<void> => {
  for (const [text, params] of PROBES) {
    const [first] = await driver.query<{ readonly seen: string | null }>(text, params);
    const [second] = await driver.query<{ readonly seen: string | null }>(text, params);
    if (first?.seen === second?.seen) throw unfit('CACHED');
  }
};
