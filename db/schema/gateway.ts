import { sql } from 'drizzle-orm';
import { bigint, integer, pgTable, smallint, text, uuid } from 'drizzle-orm/pg-core';
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
  /** Of the certificate: a while after it the serial leaves the list. */
  expiresAt: instant('expires_at')
    .notNull()
    .default(sql`now() + interval '366 days'`),
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

/** One row, once a step-ca was replaced by another: which issues and which are trusted, by SHA-256 of their intermediates. */
export const stepCaRoll = pgTable('step_ca_roll', {
  id: smallint('id').primaryKey(),
  oldest: text('oldest').notNull(),
  issuing: text('issuing').notNull(),
  newest: text('newest').notNull(),
  announcedAt: instant('announced_at'),
  switchedAt: instant('switched_at'),
});

/**
 * One row. `epoch` rises with every revocation (a trigger). `lost_since`: the database is older than what was published, until
 * an administrator accepts it.
 */
export const gatewayRevocation = pgTable('gateway_revocation', {
  id: smallint('id').primaryKey(),
  epoch: bigint('epoch', { mode: 'bigint' }).notNull(),
  provenEpoch: bigint('proven_epoch', { mode: 'bigint' }).notNull(),
  lostSince: instant('lost_since'),
  acceptedEpoch: bigint('accepted_epoch', { mode: 'bigint' })
    .notNull()
    .default(sql`1`),
});

/** Every epoch this database has had since the last one that was accepted, kept by a trigger. */
export const gatewayRevocationEpochs = pgTable('gateway_revocation_epochs', {
  epoch: bigint('epoch', { mode: 'bigint' }).primaryKey(),
});

/** Until when a process may serve peers; its own row alone. */
export const gatewayLeases = pgTable('gateway_leases', {
  holder: uuid('holder').primaryKey(),
  expiresAt: instant('expires_at').notNull(),
});
