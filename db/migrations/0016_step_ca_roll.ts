import type { Migration } from './migration.ts';

/**
 * Which step-ca issues and which are trusted, each named by the SHA-256 of its intermediate. One row, so that all replicas
 * change over together; none as long as nothing was rolled over.
 */
export const stepCaRoll: Migration = {
  name: '0016_step_ca_roll',
  sql: `
create table step_ca_roll (
  id smallint primary key constraint step_ca_roll_one check (id = 1),
  oldest text not null,
  issuing text not null,
  newest text not null,
  announced_at timestamptz(3),
  switched_at timestamptz(3),
  constraint step_ca_roll_issuing check (issuing in (oldest, newest))
);
grant select, insert, update on step_ca_roll to mosaic_app, mosaic_admin;
`,
};
