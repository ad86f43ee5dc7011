import { bigint, integer, pgTable, smallint, text } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/** Sealed keys of the gateway itself, identity `gateway_secrets/<name>`. */
export const gatewaySecrets = pgTable('gateway_secrets', {
  name: text('name').primaryKey(),
  sealed: text('sealed').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
});

export const embeddedCaRevocations = pgTable('embedded_ca_revocations', {
  serial: text('serial').primaryKey(),
  reason: text('reason').notNull(),
  revokedAt: instant('revoked_at').notNull(),
});

/** One row. The CRL number only rises. */
export const embeddedCaState = pgTable('embedded_ca_state', {
  id: smallint('id').primaryKey(),
  crlNumber: bigint('crl_number', { mode: 'bigint' }).notNull(),
  oldestRoot: integer('oldest_root').notNull().default(1),
  issuingRoot: integer('issuing_root').notNull().default(1),
  newestRoot: integer('newest_root').notNull().default(1),
  announcedAt: instant('announced_at'),
  switchedAt: instant('switched_at'),
});
