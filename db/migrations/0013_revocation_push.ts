import type { Migration } from './migration.ts';

/**
 * Every gateway of a database hears when the CA was told of a revocation, so that each renews the list of its front at
 * once. A revoked serial keeps when its certificate ends: some time after that it may leave the list (RFC 5280, 3.3).
 */
export const revocationPush: Migration = {
  name: '0013_revocation_push',
  sql: `
create function app.tell_revocations() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('mosaic_revocations', '');
  return null;
end $$;
create trigger revocation_outbox_told after update of done_at on revocation_outbox
  for each statement execute function app.tell_revocations();

alter table embedded_ca_revocations add column expires_at timestamptz(3);
update embedded_ca_revocations r set expires_at = coalesce(
  (select c.not_after from issued_certificates c where c.serial = r.serial), r.revoked_at + interval '366 days');
alter table embedded_ca_revocations alter column expires_at set not null,
  alter column expires_at set default now() + interval '366 days';
`,
};
