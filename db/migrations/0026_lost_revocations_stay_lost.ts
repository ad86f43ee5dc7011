import type { Migration } from './migration.ts';

/**
 * A database that is older than revocations which were published is known by its revocation epoch. That was a plain
 * counter, so a few unrelated revocations brought it above the published one, and the gateway served again what the restore
 * had un-revoked. Now `lost_since` says since when the loss is known, and only an administrator ends it. `accepted_epoch`
 * is the epoch that was set then: what was published before it is not judged any more.
 *
 * The epoch rises by random steps, and every one it had is kept. So after a restore the epochs that are handed out differ
 * from those that were lost, and a peer that shows a lost one proves the loss however many revocations have followed. A step is below 2^20, so
 * that 15 digits, as many as peers read, are enough for a thousand million revocations.
 */
export const lostRevocationsStayLost: Migration = {
  name: '0026_lost_revocations_stay_lost',
  sql: `
alter table gateway_revocation
  add column lost_since timestamptz(3),
  add column accepted_epoch bigint not null default 1;
update gateway_revocation set accepted_epoch = epoch,
  lost_since = case when proven_epoch > epoch then now() end;

create table gateway_revocation_epochs (epoch bigint primary key);
grant select on gateway_revocation_epochs to mosaic_app, mosaic_admin;

create function app.keep_revocation_epoch() returns trigger language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
begin
  insert into gateway_revocation_epochs (epoch) values (new.epoch) on conflict do nothing;
  return null;
end $$;
create trigger gateway_revocation_epoch after update of epoch on gateway_revocation
  for each row when (new.epoch <> old.epoch) execute function app.keep_revocation_epoch();

create or replace function app.raise_revocation_epoch() returns trigger language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
begin
  update gateway_revocation set epoch = epoch + 1 + floor(random() * 1048575)::bigint where id = 1;
  return null;
end $$;
`,
};
