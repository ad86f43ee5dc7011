import type { Migration } from './migration.ts';

/**
 * A process serves peers as long as it has a row here that has not expired, which it renews every few seconds. The statement that
 * reads for a peer looks for that row, so that it is compared by one clock, on the server that it reads from: a standby that was
 * promoted elsewhere, a primary that was demoted or frozen and goes on, and a copy of the database hold an old one.
 *
 * Rows are updated all the time and are few: room in the page keeps the updates off the index.
 */
export const servingLease: Migration = {
  name: '0019_serving_lease',
  sql: `
create table gateway_leases (
  holder uuid primary key,
  expires_at timestamptz(3) not null
) with (fillfactor = 40);
grant select, insert, update, delete on gateway_leases to mosaic_app;

-- Which cluster this is, and how many times it went on from another server (the timeline): both tell a server from its copies.
create function app.database_identity() returns table (system_id text, timeline text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select (pg_control_system()).system_identifier::text, substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) $$;
revoke all on function app.database_identity() from public;
grant execute on function app.database_identity() to mosaic_app, mosaic_admin;
`,
};
