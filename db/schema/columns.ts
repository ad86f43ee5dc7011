import { customType, timestamp } from 'drizzle-orm/pg-core';

/** A time with exactly the milliseconds a cursor and an API answer carry, so that keyset paging is exact. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** A column the database generates; nothing is ever written to it. */
export const tsvector = customType<{ data: string; driverData: string }>({ dataType: () => 'tsvector' });
