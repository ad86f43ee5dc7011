import type { Migration } from './migration.ts';

/**
 * A peer asks what the log says of places in its own chains (`GET /federation/v1/audit/checkpoint`): each was looked for among all
 * entries of the grant, 150 ms at 400,000 of them.
 */
export const auditPlaces: Migration = {
  name: '0022_audit_places',
  sql: `create index federation_audit_log_place on federation_audit_log (grant_id, writer_id, seq) where writer_id is not null;`,
};
