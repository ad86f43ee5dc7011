import type { Sealer } from '../../domain/ports/basics.ts';
import { checkSealingKey } from '../sealing/seal-check.ts';
import { createSealer, sealingKey } from '../sealing/seal.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { seed } from './database.testkit.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Text that escaping, encodings and number types get wrong. */
const ODD = String.raw`é 漢字 🦀 "quotes" 'single' \back\slash \u0041 {"a":1} [,] %s $1` + '\t\r\nend ';

/**
 * Something in every table: more rows than one page, values that are easily changed by a copy, and a grant whose user
 * and peer are gone.
 */
const population = (rows: number, large: number, sealed: string): string => `
insert into users select gen_random_uuid(), 'user-' || i, i = 1, '2026-01-01T00:00:00.123Z'::timestamptz + i * interval '1 ms'
  from generate_series(1, 7) i;
insert into teams select gen_random_uuid(), 'team-' || i || ${quoted(ODD)}, '2026-01-01T00:00:00.001Z' from generate_series(1, 3) i;
insert into memberships select u.id, t.id, (case when u.is_admin then 'admin' else 'member' end)::team_role, now() from users u cross join teams t;
insert into api_tokens select gen_random_uuid(), id, ${quoted(ODD)}, md5(id::text), 'read', created_at, 'infinity', null from users;
insert into tasks select gen_random_uuid(), u.id, case when i % 3 = 0 then (select id from teams order by name limit 1) end,
    '2026-02-01T00:00:00Z'::timestamptz - i * interval '1 s', now(), 'task ' || i, repeat(${quoted(ODD)}, i % 5),
    (array['open', 'in_progress', 'done'])[1 + i % 3]::task_status, case when i % 2 = 0 then '0044-03-15T12:00:00.5Z BC'::timestamptz end
  from generate_series(1, ${rows}) i join users u on u.name = 'user-' || (1 + i % 7);
insert into notes select gen_random_uuid(), id, null, now(), now(), 'large', repeat('x', ${large}) from users limit 3;
insert into memory select gen_random_uuid(), id, null, now(), now(), '', null from users;
insert into credentials select gen_random_uuid(), id, null, now(), now(), 'vpn', null, ${quoted(ODD)}, ${quoted(sealed)} from users;
insert into api_keys select gen_random_uuid(), null, id, now(), now(), 'of the team', 'service', now(), ${quoted(sealed)} from teams;
insert into federation_peers (id, direction, name, state, created_at, local_user_id, client_key_pem)
  select gen_random_uuid(), 'outbound', 'work', 'degraded', created_at, id, ${quoted(sealed)} from users;
insert into federation_peers (id, direction, name, state, created_at)
  select gen_random_uuid(), 'inbound', 'home-' || i, 'active', now() from generate_series(1, 3) i;
insert into federation_grants (id, peer_id, subject_user_id, scope, status, version, audit_key_sealed, created_at)
  select gen_random_uuid(), p.id, u.id, '{"resources": ["tasks"], "max_rows_per_query": 12345678901234567890.10, "filters": {"é": [1e3, null]}}',
    'active', 41, ${quoted(sealed)}, now()
  from federation_peers p cross join users u where p.direction = 'inbound';
insert into federation_enrollment_tokens (hash, grant_id, created_at, expires_at) select md5(id::text), id, created_at, created_at from federation_grants;
insert into issued_certificates (id, grant_id, status, serial, fingerprint, not_before, not_after, created_at)
  select gen_random_uuid(), id, 'issued', md5(id::text), md5(id::text), now(), 'infinity', now() from federation_grants;
insert into federation_audit_log select gen_random_uuid(), now() - i * interval '1 min', null, null, null, null, 'list', 'tasks', null, null,
    'allowed', null, 200, i, i / 3.0::float8, null from generate_series(1, ${rows}) i;
insert into embedded_ca_revocations values ('0aff', 'superseded', now());
update embedded_ca_state set crl_number = 9007199254740993;
insert into step_ca_roll values (1, 'a', 'a', 'b', now(), null);
delete from users where name = 'user-7';
delete from federation_peers where name = 'home-3';
`;

export interface Populated {
  readonly sealer: Sealer;
  readonly key: Uint8Array;
}

/** Characters of each of three notes: two of them fill a page. */
const LARGE = 1_500_000;

export interface PopulationOptions {
  readonly key?: Uint8Array;
  /** Characters of the largest texts. */
  readonly large?: number;
}

/** Fills a fresh store, which gets a sealing key as at a first start. */
export const populate = async (
  storage: PgliteStorage,
  rows: number,
  { key = crypto.getRandomValues(new Uint8Array(32)), large = LARGE }: PopulationOptions = {},
): Promise<Populated> => {
  const sealer = createSealer({ current: await sealingKey(key) });
  await checkSealingKey(storage.stores.secrets, sealer);
  const sealed = await sealer.seal(new TextEncoder().encode('secret'), 'row');
  await seed(storage.client, population(rows, large, sealed));
  return { sealer, key };
};
