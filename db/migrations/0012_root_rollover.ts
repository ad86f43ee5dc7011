import type { Migration } from './migration.ts';

/**
 * Generations of the embedded authority's root: those from `oldest_root` to `newest_root` are trusted, `issuing_root`
 * signs. One row, so that all replicas change over together.
 */
export const rootRollover: Migration = {
  name: '0012_root_rollover',
  sql: `
alter table embedded_ca_state
  add column oldest_root integer not null default 1,
  add column issuing_root integer not null default 1,
  add column newest_root integer not null default 1,
  add column announced_at timestamptz(3),
  add column switched_at timestamptz(3),
  add constraint embedded_ca_state_roots
    check (1 <= oldest_root and oldest_root <= issuing_root and issuing_root <= newest_root and newest_root <= oldest_root + 1);
`,
};
