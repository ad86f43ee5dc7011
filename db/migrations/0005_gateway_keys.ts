import type { Migration } from './migration.ts';

export const gatewayKeys: Migration = {
  name: '0005_gateway_keys',
  sql: `
create table gateway_secrets (
  name text primary key,
  sealed text not null,
  created_at timestamptz(3) not null default now()
);

create table embedded_ca_revocations (
  serial text primary key,
  reason text not null,
  revoked_at timestamptz(3) not null
);

create table embedded_ca_state (
  id smallint primary key constraint embedded_ca_state_one check (id = 1),
  crl_number bigint not null
);
insert into embedded_ca_state (id, crl_number) values (1, 0);

grant select, insert, update on gateway_secrets to mosaic_app, mosaic_admin;
grant select, insert on embedded_ca_revocations to mosaic_app, mosaic_admin;
grant select, update on embedded_ca_state to mosaic_app, mosaic_admin;
`,
};
