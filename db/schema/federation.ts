import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { users } from './directory.ts';
import { certificateStatus, grantStatus, peerDirection, peerState } from './enums.ts';

export const federationPeers = pgTable(
  'federation_peers',
  {
    id: uuid('id').primaryKey(),
    direction: peerDirection('direction').notNull(),
    name: text('name').notNull(),
    state: peerState('state').notNull(),
    createdAt: instant('created_at').notNull(),
    localUserId: uuid('local_user_id').references(() => users.id, { onDelete: 'cascade' }),
    federationUrl: text('federation_url'),
    caPem: text('ca_pem'),
    caFingerprint: text('ca_fingerprint'),
    clientCertPem: text('client_cert_pem'),
    clientKeyPemSealed: text('client_key_pem'),
    remoteGrantId: uuid('remote_grant_id'),
    remoteSubjectUserId: uuid('remote_subject_user_id'),
    certificateNotAfter: instant('certificate_not_after'),
    lastSuccessAt: instant('last_success_at'),
    lastFailureAt: instant('last_failure_at'),
    lastFailureCode: text('last_failure_code'),
    cacheEpoch: integer('cache_epoch').notNull().default(0),
    remoteGrantVersion: integer('remote_grant_version'),
    outages: integer('outages').notNull().default(0),
    auditKey: text('audit_key'),
    auditSeen: text('audit_seen'),
  },
  (table) => [
    uniqueIndex('federation_peers_inbound_name_key')
      .on(table.name)
      .where(sql`direction = 'inbound'`),
    uniqueIndex('federation_peers_outbound_name_key')
      .on(table.localUserId, table.name)
      .where(sql`direction = 'outbound'`),
    uniqueIndex('federation_peers_outbound_grant_key')
      .on(table.localUserId, table.remoteGrantId)
      .where(sql`direction = 'outbound' and remote_grant_id is not null`),
    index('federation_peers_keyset').on(table.createdAt.desc(), table.id.desc()),
  ],
);

/** `peer_id` and `subject_user_id` have no foreign key on purpose: a grant outlives both, ids intact (SPEC M2). */
export const federationGrants = pgTable(
  'federation_grants',
  {
    id: uuid('id').primaryKey(),
    peerId: uuid('peer_id').notNull(),
    subjectUserId: uuid('subject_user_id').notNull(),
    scope: jsonb('scope').notNull(),
    status: grantStatus('status').notNull(),
    version: integer('version').notNull(),
    rateLimitPerMinute: integer('rate_limit_per_minute'),
    cacheTtlSeconds: integer('cache_ttl_seconds'),
    auditStrict: boolean('audit_strict').notNull().default(false),
    auditKeySealed: text('audit_key_sealed').notNull(),
    createdAt: instant('created_at').notNull(),
    activatedAt: instant('activated_at'),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
    revokedReason: text('revoked_reason'),
  },
  (table) => [
    index('federation_grants_keyset').on(table.createdAt.desc(), table.id.desc()),
    index('federation_grants_subject').on(table.subjectUserId),
    index('federation_grants_peer').on(table.peerId),
  ],
);

/** Single-use enrollment tokens by SHA-256. A claim holds a token while the CA signs; its lease ends by itself. */
export const enrollmentTokens = pgTable(
  'federation_enrollment_tokens',
  {
    hash: text('hash').primaryKey(),
    grantId: uuid('grant_id')
      .notNull()
      .references(() => federationGrants.id),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
    claimId: text('claim_id'),
    claimUntil: instant('claim_until'),
  },
  (table) => [index('federation_enrollment_tokens_grant').on(table.grantId)],
);

export const issuedCertificates = pgTable(
  'issued_certificates',
  {
    id: uuid('id').primaryKey(),
    grantId: uuid('grant_id')
      .notNull()
      .references(() => federationGrants.id),
    status: certificateStatus('status').notNull(),
    serial: text('serial').unique('issued_certificates_serial_key'),
    fingerprint: text('fingerprint'),
    notBefore: instant('not_before'),
    notAfter: instant('not_after'),
    createdAt: instant('created_at').notNull(),
    revokedAt: instant('revoked_at'),
    publicKeyHash: text('public_key_hash'),
    certificatePem: text('certificate_pem'),
    chainPem: text('chain_pem'),
    confirmedAt: instant('confirmed_at'),
    revokeAt: instant('revoke_at'),
  },
  (table) => [
    index('issued_certificates_grant').on(table.grantId, table.createdAt.desc()),
    index('issued_certificates_public_key')
      .on(table.publicKeyHash)
      .where(sql`public_key_hash is not null`),
    index('issued_certificates_superseded')
      .on(table.revokeAt)
      .where(sql`status = 'issued' and revoke_at is not null`),
  ],
);

/** A renewal at the asking side: one row a peer, the new key in it before anybody is asked for its certificate. */
export const peerRenewals = pgTable(
  'peer_renewals',
  {
    peerId: uuid('peer_id')
      .primaryKey()
      .references(() => federationPeers.id, { onDelete: 'cascade' }),
    pendingKeyPemSealed: text('pending_key_pem'),
    pendingCsrPem: text('pending_csr_pem'),
    dueAt: instant('due_at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    unconfirmed: boolean('unconfirmed').notNull().default(false),
    claimId: text('claim_id'),
    claimUntil: instant('claim_until'),
  },
  (table) => [index('peer_renewals_due').on(table.dueAt)],
);

/** What the CA has still to be told. */
export const revocationOutbox = pgTable(
  'revocation_outbox',
  {
    id: uuid('id').primaryKey(),
    serial: text('serial').notNull().unique('revocation_outbox_serial_key'),
    reason: text('reason').notNull(),
    attempts: integer('attempts').notNull(),
    createdAt: instant('created_at').notNull(),
    nextAttemptAt: instant('next_attempt_at').notNull(),
    doneAt: instant('done_at'),
  },
  (table) => [
    index('revocation_outbox_open')
      .on(table.nextAttemptAt)
      .where(sql`done_at is null`),
  ],
);

/** What is remembered of a gateway we ask: pinned key, highest list number and epoch, whether its user was told. */
export const federationPeerTrust = pgTable('federation_peer_trust', {
  peerId: uuid('peer_id')
    .primaryKey()
    .references(() => federationPeers.id, { onDelete: 'cascade' }),
  signingKey: text('signing_key'),
  crlUrl: text('crl_url'),
  /** SHA-256 of the key that signed the list with that number. */
  crlSigner: text('crl_signer'),
  crlNumber: numeric('crl_number', { precision: 48, scale: 0 }),
  epoch: bigint('epoch', { mode: 'bigint' }),
  epochToken: text('epoch_token'),
  notice: text('notice'),
});
