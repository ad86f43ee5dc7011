import { MIGRATIONS } from '../../../db/migrations/index.ts';

const FIRST_DAY = `'2026-01-01T00:00:00.123Z'::timestamptz`;

/** Text that folding, escaping and encodings get wrong, and long ones. */
const ODD = String.raw`E'Stra\u00dfe STRASSE \u1e9e e\u0301 \u6f22\u5b57 \U0001f980 \u30d0\u30b9 \ufeff "q" \\ %s $1\t\r\n'`;
const LONG = `(select string_agg(chr(223) || md5(i::text), ' ') from generate_series(1, 2500) i)`;
/** One row with the longest text that is stored; the others are short. */
const TEXT = `case when u.name = 'user-1' then ${LONG} else ${ODD} end`;

/** A row for each resource in each of its conditions; `more` are the table's own columns. */
const resource = (table: string, names: string, values: string): string => `
insert into ${table} (id, owner_id, team_id, created_at, updated_at, title${names})
  select gen_random_uuid(), u.id, t.id, ${FIRST_DAY}, now(), 'row ' || ${ODD}${values} from users u cross join (select null::uuid as id union all select id from teams) t;
insert into ${table} (id, team_id, created_at, updated_at, title) select gen_random_uuid(), id, ${FIRST_DAY}, now(), '' from teams;
`;

/**
 * What a gateway of each level may have written, by the migration that made room for it: every table has rows. Every label
 * of every enum has one, and `filled` sees to the columns that may be empty. A migration that adds a table adds its rows here.
 */
const FIXTURES: Readonly<Record<string, string>> = {
  '0001_directory': `
insert into users (id, name, is_admin, created_at) select gen_random_uuid(), 'user-' || i, i = 1, ${FIRST_DAY} from generate_series(1, 4) i;
insert into teams (id, name, created_at) select gen_random_uuid(), 'team-' || i, ${FIRST_DAY} from generate_series(1, 2) i;
insert into memberships (user_id, team_id, role, created_at) select u.id, t.id, r, now() from users u cross join teams t
  join unnest(enum_range(null::team_role)) r on (r = 'admin') = u.is_admin;
insert into api_tokens (id, user_id, name, hash, access, created_at)
  select gen_random_uuid(), id, 'laptop', md5(id::text || a), a, created_at from users cross join unnest(enum_range(null::token_access)) a;`,
  '0002_resources': `
${resource('tasks', ', body, status, due_at', `, ${TEXT}, 'done'::task_status, now()`)}
update tasks set status = 'in_progress' where team_id is not null and owner_id is not null;
${resource('notes', ', body', `, ${TEXT}`)}
${resource('memory', ', content', `, ${TEXT}`)}
${resource('credentials', ', username, url, secret_sealed', `, ${ODD}, 'https://example.org/?q=' || ${ODD}, 'sealed'`)}
${resource('api_keys', ', service, expires_at, secret_sealed', `, ${ODD}, now(), 'sealed'`)}`,
  '0003_federation': `
insert into federation_peers (id, direction, name, state, created_at) select gen_random_uuid(), 'inbound', 'home ' || s, s, ${FIRST_DAY}
  from unnest(enum_range(null::peer_state)) s;
insert into federation_peers (id, direction, name, state, created_at, local_user_id, remote_grant_id)
  select gen_random_uuid(), 'outbound', 'work ' || s, s, ${FIRST_DAY}, u.id, gen_random_uuid() from users u cross join unnest(enum_range(null::peer_state)) s;
insert into federation_grants (id, peer_id, subject_user_id, scope, status, version, audit_key_sealed, created_at)
  select gen_random_uuid(), p.id, u.id, '{"resources": ["tasks"], "max_rows_per_query": 10}', s, 3, 'sealed', ${FIRST_DAY}
  from federation_peers p cross join users u cross join unnest(enum_range(null::grant_status)) s where p.direction = 'inbound';
insert into federation_enrollment_tokens (hash, grant_id, created_at, expires_at) select md5(id::text), id, created_at, now() from federation_grants;
insert into issued_certificates (id, grant_id, status, created_at)
  select gen_random_uuid(), id, s, now() from federation_grants cross join unnest(enum_range(null::certificate_status)) s;
update issued_certificates set serial = md5(id::text), fingerprint = repeat('f', 64), not_before = ${FIRST_DAY}, not_after = now() + interval '1 year',
  revoked_at = case when status = 'revoked' then now() end where status in ('issued', 'revoked');
insert into revocation_outbox (id, serial, reason, attempts, created_at, next_attempt_at)
  select gen_random_uuid(), serial, 'superseded', 0, now(), now() from issued_certificates where status = 'revoked';`,
  '0004_audit_log': `
insert into federation_audit_log (id, at, verb, outcome, status, bytes_out, latency_ms)
  select gen_random_uuid(), now(), 'list', o, 200, 1, 1.5 from unnest(enum_range(null::audit_outcome)) o;
insert into federation_audit_log (id, at, grant_id, verb, outcome, status, bytes_out, latency_ms)
  select gen_random_uuid(), now(), id, 'list', 'allowed', 200, 1, 1.5 from federation_grants;`,
  '0005_gateway_keys': `
insert into gateway_secrets (name, sealed) values ('front', 'sealed');
insert into embedded_ca_revocations (serial, reason, revoked_at)
  select serial, 'superseded', now() from issued_certificates where status = 'revoked' union all select 'ff', 'superseded', now();
update embedded_ca_state set crl_number = 9007199254740993;`,
  '0009_renewal': `
insert into peer_renewals (peer_id, due_at) select id, now() from federation_peers where direction = 'outbound';
update peer_renewals set pending_key_pem = 'sealed', pending_csr_pem = 'csr' where peer_id in (select id from federation_peers where name = 'work active');`,
  '0010_audit_chain': `
insert into federation_audit_writers (id, started_at, seen_at, ephemeral, accepted, written, dropped)
  select gen_random_uuid(), now(), now(), i = 1, 9, 8, 1 from generate_series(1, 2) i;
insert into federation_audit_log (id, at, grant_id, verb, outcome, status, bytes_out, latency_ms, writer_id, seq, head)
  select gen_random_uuid(), now(), g.id, 'list', 'allowed', 200, 1, 1.5, w.id, 1, 'head' from federation_grants g cross join federation_audit_writers w;
insert into federation_audit_gaps (id, kind, writer_id, at, signature)
  select gen_random_uuid(), k, w.id, now(), 'signature' from federation_audit_writers w cross join unnest(enum_range(null::audit_gap_kind)) k;
insert into federation_audit_seen (grant_id, writer_id, seq, head, checkpoint, seen_at)
  select g.id, w.id, 1, 'head', 'checkpoint', now() from federation_grants g cross join federation_audit_writers w;`,
  '0014_revocation_memory': `
insert into federation_peer_trust (peer_id, epoch) select id, case state when 'active' then 7 end from federation_peers where direction = 'outbound';
update gateway_revocation set epoch = 12, proven_epoch = 11;`,
  '0016_step_ca_roll': `insert into step_ca_roll values (1, 'a', 'a', 'b', now(), null);`,
  '0019_serving_lease': `insert into gateway_leases values (gen_random_uuid(), now() - interval '1 minute');`,
  // Here its trigger writes the other table.
  '0026_lost_revocations_stay_lost': `update gateway_revocation set epoch = epoch + 5;`,
};

/** Subjects and peers that are gone: from 0007 on grants outlive both. */
const GONE = `delete from users where name = 'user-4'; delete from federation_peers where name = 'home degraded';`;

/** @param level how many migrations there are */
export const fixturesOf = (level: number): string => {
  const names = MIGRATIONS.slice(0, level).map(({ name }) => name);
  return names.flatMap((name) => FIXTURES[name] ?? []).join('\n') + (level < 7 ? '' : GONE);
};

/** A value of each type, for a column that no row of above has. */
const filling = (type: string): string => {
  if (type === 'jsonb') return `'{"é": [1e3, null]}'`;
  if (type === 'uuid') return 'gen_random_uuid()';
  if (type === 'boolean') return 'true';
  if (type.startsWith('timestamp')) return 'now()';
  return /^(smallint|integer|bigint|numeric|double)/.test(type) ? '1' : `'é ' || ${ODD}`;
};

/** Constraints say what these may hold. */
const CHOSEN: Readonly<Record<string, string>> = { 'federation_peer_trust.notice': `'pending'` };

/** Nullable columns, each with a row that has it and a row that has not, where the constraints let it. */
export const fillingOf = (
  columns: readonly { readonly of: string; readonly name: string; readonly type: string }[],
): string =>
  columns
    .filter(({ of, name }) => `${of}.${name}` !== 'gateway_revocation.lost_since')
    .map(
      ({ of, name, type }) => `
update ${of} set ${name} = ${CHOSEN[`${of}.${name}`] ?? filling(type)} where ctid = (select ctid from ${of} where ${name} is null order by ctid limit 1)
  and not exists (select from ${of} where ${name} is not null);`,
    )
    .join('');
