import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { aTeam, aUser, anActiveGrant, must, scopeOf, T0 } from '../../../db/testing/world.testkit.ts';
import type { Enrolled } from '../../../db/testing/world.testkit.ts';
import { decideWrite } from '../../../domain/access/write.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { urlsOf, type DatabaseUrls } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';
import { openSession, type LoginSession } from './login-session.ts';

const DENIED = '42501';

/** Roles and logins that nobody may become from a login that serves. */
const OTHERS = {
  peersUrl: [
    'mosaic_app',
    'mosaic_admin',
    'mosaic_owner',
    'mosaic_search',
    'mosaic_barrier',
    'mosaic',
    'mosaic_maintenance',
    'postgres',
  ],
  url: [
    'mosaic_owner',
    'mosaic_search',
    'mosaic_barrier',
    'mosaic_peer_reader',
    'mosaic_peers',
    'mosaic_maintenance',
    'postgres',
  ],
} as const;

/** What an attacker with any SQL on a login that serves tries first. Each is refused as a whole. */
const ANYBODY: readonly string[] = [
  'create temporary table memberships (user_id uuid, team_id uuid, role text)',
  'create temporary view memberships as select 1',
  'select 1 as one into temporary mine',
  'create table public.mine (id int)',
  'create table app.mine (id int)',
  'create schema mine',
  `create function public.current_setting(text, boolean) returns text language sql as 'select null'`,
  `create function app.mine() returns int language sql as 'select 1'`,
  'create type public.mine as enum ()',
  'alter table tasks disable row level security',
  'alter table tasks no force row level security',
  'create policy mine on tasks using (true)',
  'alter policy tasks_select on tasks using (true)',
  'drop policy tasks_select on tasks',
  'alter table federation_grants disable trigger all',
  'drop trigger federation_grants_final on federation_grants',
  'drop table tasks',
  'truncate federation_audit_log',
  'delete from federation_audit_log',
  `update federation_audit_log set verb = 'x'`,
  'delete from federation_grants',
  'delete from issued_certificates',
  'delete from gateway_revocation',
  'update users set is_admin = true',
  'update users set id = id',
  `create or replace function app.subject() returns uuid language sql as 'select null::uuid'`,
  'grant mosaic_owner to mosaic_peers',
  'grant mosaic_owner to mosaic',
  'alter role mosaic_peers createrole',
  'alter role mosaic superuser',
  'alter role mosaic_owner login',
  'create role mine',
  'alter database current owner to mosaic',
  'create extension dblink',
  `copy (select 1) to program 'id'`,
  `copy (select 1) to '/tmp/mosaic-attack'`,
  `select pg_read_file('/etc/passwd')`,
  `select pg_ls_dir('/')`,
  `select lo_import('/etc/passwd')`,
  'select lo_create(0)',
  'select lo_creat(0)',
  `select lo_from_bytea(0, 'x')`,
  `set session_replication_role = 'replica'`,
  'set row_security = off; select id from tasks',
  `do $$ begin execute 'set role mosaic_owner'; end $$`,
  'select count(*) from pg_authid',
  'select app.gateway_logins()',
  `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'mosaic_maintenance'`,
];

/** The same on the login that answers peers alone: the API's locks while it makes the first user. */
const PEERS: readonly string[] = [
  'select pg_advisory_lock(1)',
  'select pg_advisory_lock(1, 1)',
  'select pg_advisory_lock_shared(1)',
  'select pg_advisory_xact_lock(727416912)',
  'select pg_advisory_xact_lock_shared(727416912)',
  'select pg_try_advisory_lock(1)',
  'select pg_try_advisory_xact_lock(1, 1)',
  'select pg_try_advisory_lock_shared(1)',
  'select pg_advisory_unlock_all()',
  `select pg_logical_emit_message(false, 'x', repeat('x', 1000))`,
  `select pg_logical_emit_message(true, 'x', 'x'::bytea)`,
  'select pg_current_xact_id()',
  'select txid_current()',
  `select lo_put(1, 0, 'x')`,
  'select lo_export(1, $$/tmp/mosaic-attack$$)',
  `select dblink('', 'select 1')`,
  `select * from pg_ls_logdir()`,
  `select pg_read_binary_file('PG_VERSION')`,
  'select pg_switch_wal()',
  'select pg_stat_reset()',
  'select pg_reload_conf()',
  `select pg_create_physical_replication_slot('mine')`,
  'load $$auto_explain$$',
  `set log_statement = 'all'`,
  'set temp_file_limit = -1',
];

/** Large objects: there is none, and none can be made. The other two ask for a superuser themselves. */
const LEFT = [
  'lo_close',
  'lo_get',
  'lo_lseek',
  'lo_lseek64',
  'lo_open',
  'lo_put',
  'lo_tell',
  'lo_tell64',
  'lo_truncate',
  'lo_truncate64',
  'lo_unlink',
  'lowrite',
  'pg_read_file_old',
  'pg_rotate_logfile_old',
];

/** Functions of Postgres's own that write, lock, use up or read what is no row. */
const KEEPING =
  'advisory|^lo_|lowrite|emit_message|xact_id$|txid_current$|read.*file|rotate|_ls_|dblink|switch_wal|reload|promote|restore_point|backup';

describe('F-13 any SQL on a login that serves', () => {
  let cluster: Cluster;
  let urls: DatabaseUrls;
  let storage: Storage;
  let alice: string;
  let bob: string;
  let grant: Enrolled;
  let others: Enrolled;
  let watching: LoginSession;
  const sessions: LoginSession[] = [];

  const as = (login: 'url' | 'peersUrl', role: string | null = null): LoginSession => {
    const session = openSession(urls[login], role);
    sessions.push(session);
    return session;
  };
  const write = async (userId: string, title: string, teamId: string | null = null): Promise<void> => {
    const principal = { userId, isAdmin: false, access: 'write' } as const;
    await storage.stores.resources.insert(must(decideWrite(principal, 'tasks', 'create')), {
      id: crypto.randomUUID(),
      teamId,
      fields: { title },
      secretSealed: null,
      createdAt: T0,
    });
  };
  const enter = (
    { grant: { id, version, subjectUserId }, identity }: Enrolled,
    over: Partial<Enrolled['identity']> = {},
  ) => {
    const { serial, fingerprint } = { ...identity, ...over };
    return `app.enter_fence('${subjectUserId}', '${id}', ${version}, '${serial}', '${fingerprint}')`;
  };

  beforeAll(async () => {
    cluster = await startCluster();
    urls = urlsOf(await cluster.create());
    storage = await openPostgresStorage(urls);
    [alice, bob] = [await aUser(storage), await aUser(storage)];
    const team = await aTeam(storage, bob);
    await write(alice, 'of alice');
    await write(bob, 'of bob');
    await write(bob, 'of the team', team);
    grant = await anActiveGrant(storage, alice, scopeOf());
    others = await anActiveGrant(storage, bob, scopeOf());
    await cluster.underneath(
      urls.url,
      `update issued_certificates set fingerprint = repeat('e', 64) where grant_id = '${others.grant.id}'`,
    );
    watching = openSession(urls.maintenanceUrl);
    // There is somebody to end.
    await watching.run('select 1');
  }, 60_000);
  afterAll(async () => {
    await Promise.all([...sessions, watching].map((session) => session.end()));
    await storage.close();
    await cluster.close();
  });

  it.each(['url', 'peersUrl'] as const)(
    'becomes nobody else, by statement or by function: %s',
    async (login) => {
      const session = as(login);
      for (const role of OTHERS[login]) {
        expect([role, await session.run(`set role ${role}`)]).toEqual([role, { refused: DENIED }]);
        expect(await session.run(`select set_config('role', '${role}', false)`)).toEqual({ refused: DENIED });
        expect(await session.run(`set session authorization ${role}`)).toEqual({ refused: DENIED });
      }
    },
  );

  it.each([
    ['peersUrl', null],
    ['peersUrl', 'mosaic_peer_reader'],
    ['url', null],
    ['url', 'mosaic_app'],
    ['url', 'mosaic_admin'],
  ] as const)('makes, changes, reads and ends nothing beyond its purpose: %s as %s', async (login, role) => {
    const session = as(login, role);
    const done: string[] = [];
    for (const text of ANYBODY) {
      const outcome = await session.run(text);
      if (!('refused' in outcome)) done.push(text);
    }
    expect(done).toEqual([]);
    // Is no error, and does nothing.
    await session.run('grant select, delete on tasks, federation_audit_log to public');
    const given = `select has_table_privilege('public', 'tasks', 'SELECT') or has_table_privilege('public', 'federation_audit_log', 'DELETE') as given`;
    expect(await cluster.underneath(urls.url, given)).toEqual([{ given: false }]);
  });

  describe('of the peers’ login', () => {
    it('holds no lock, writes no log of the server’s, and uses no transaction ids up', async () => {
      const session = as('peersUrl', 'mosaic_peer_reader');
      const done: string[] = [];
      for (const text of PEERS) {
        const outcome = await session.run(text);
        if (!('refused' in outcome)) done.push(text);
      }
      expect(done).toEqual([]);
      expect(
        await cluster.underneath(
          urls.url,
          `select count(*)::int as locks from pg_locks where locktype = 'advisory'`,
        ),
      ).toEqual([{ locks: 0 }]);
    });

    it('of what Postgres lets everybody run, these are left, and each refuses by itself or has nothing to work on', async () => {
      const rows = await cluster.underneath<{ name: string }>(
        urls.url,
        `select distinct proname::text as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname ~ '${KEEPING}'
          and has_function_privilege('mosaic_peers', oid, 'EXECUTE') order by 1`,
      );
      expect(rows.map(({ name }) => name)).toEqual(LEFT);
    });

    const TITLES = 'select title from tasks order by title';

    it('is nobody without a fence, whatever subject it sets', async () => {
      const session = as('peersUrl', 'mosaic_peer_reader');
      for (const setting of [
        `select set_config('app.subject', '${bob}', false)`,
        `set app.subject = '${bob}'`,
        `set app.fence = '${bob}'`,
        `select set_config('app.fence', '${bob} ${others.grant.id} ${others.grant.version} ${others.identity.serial} ${'0'.repeat(64)}', false)`,
        `select set_config('app.fence', '${bob} ${grant.grant.id} ${grant.grant.version} ${grant.identity.serial} ${grant.identity.fingerprint}', false)`,
      ]) {
        await session.run(setting);
        for (const table of ['tasks', 'notes', 'memory', 'credentials', 'api_keys'])
          expect([setting, await session.run(`select id from ${table}`)]).toEqual([setting, { rows: [] }]);
        expect(await session.run('select team_id from memberships')).toEqual({ rows: [] });
        expect(
          await session.run(
            `select * from app.search_tasks('${bob}', 'bob', true, null, 'infinity', 'infinity', gen_random_uuid(), 10)`,
          ),
        ).toEqual({ rows: [] });
        expect(
          await session.run(
            `select * from app.newest_tasks('${bob}', null, 'infinity', gen_random_uuid(), 10)`,
          ),
        ).toEqual({ rows: [] });
      }
    });

    it('within its own fence, it is that subject and no other', async () => {
      const session = as('peersUrl', 'mosaic_peer_reader');
      await session.run('begin');
      expect(await session.run(`select ${enter(grant)} is not null as entered`)).toEqual({
        rows: [{ entered: true }],
      });
      await session.run(`select set_config('app.subject', '${bob}', true)`);
      expect(await session.run(TITLES)).toEqual({ rows: [{ title: 'of alice' }] });
      expect(
        await session.run(
          `select * from app.search_tasks('${bob}', 'bob', true, null, 'infinity', 'infinity', gen_random_uuid(), 10)`,
        ),
      ).toEqual({ rows: [] });
      await session.run('commit');
      expect(await session.run(TITLES)).toEqual({ rows: [] });
    });

    it('F-36 a certificate of the right serial and another fingerprint opens no fence', async () => {
      const session = as('peersUrl', 'mosaic_peer_reader');
      const entered = (text: string) => session.run(`select ${text} is not null as entered`);
      expect(await entered(enter(grant, { fingerprint: 'e'.repeat(64) }))).toEqual({
        rows: [{ entered: false }],
      });
      expect(await entered(enter(grant, { fingerprint: '' }))).toEqual({ rows: [{ entered: false }] });
      expect(await entered(enter(grant, { serial: others.identity.serial }))).toEqual({
        rows: [{ entered: false }],
      });
      expect(await entered(enter(grant).replace(/'f+'/, 'null'))).toEqual({ rows: [{ entered: false }] });
      expect(await entered(enter(grant))).toEqual({ rows: [{ entered: true }] });
    });

    it('sees of other sessions neither statements nor who they are of', async () => {
      const outcome = await as('peersUrl').run(
        `select distinct query from pg_stat_activity where usename <> 'mosaic_peers' and query <> ''`,
      );
      expect(outcome).toEqual({ rows: [{ query: '<insufficient privilege>' }] });
    });
  });

  describe('of the API’s login', () => {
    /** What was ended, and the statements that would begin it again. */
    const revived = (): readonly (readonly [string, string])[] => [
      [
        `update federation_grants set status = 'revoked', revoked_at = now(), revoked_reason = 'test'`,
        `update federation_grants set status = 'active', revoked_at = null`,
      ],
      [
        `update federation_grants set status = 'revoked', revoked_at = now()`,
        `update federation_grants set status = 'pending'`,
      ],
      [
        `update federation_grants set version = version`,
        `update federation_grants set version = version - 1`,
      ],
      [
        `update issued_certificates set status = 'revoked', revoked_at = now()`,
        `update issued_certificates set status = 'issued', revoked_at = null`,
      ],
      [
        `update issued_certificates set status = 'issued'`,
        `update issued_certificates set fingerprint = repeat('a', 64)`,
      ],
      [
        `update issued_certificates set status = 'issued'`,
        `update issued_certificates set not_after = not_after + interval '1 day'`,
      ],
      [`update issued_certificates set revoke_at = now()`, `update issued_certificates set revoke_at = null`],
      [`update federation_peers set state = 'revoked'`, `update federation_peers set state = 'active'`],
      [`update federation_peers set cache_epoch = 7`, `update federation_peers set cache_epoch = 6`],
      [`update gateway_revocation set epoch = 1000`, `update gateway_revocation set epoch = 999`],
      [`update gateway_revocation set proven_epoch = 1000`, `update gateway_revocation set proven_epoch = 0`],
      [`update gateway_revocation set lost_since = now()`, `update gateway_revocation set lost_since = null`],
      [`update embedded_ca_state set crl_number = 9`, `update embedded_ca_state set crl_number = 8`],
      [
        `insert into api_tokens (id, user_id, name, hash, access, created_at) values (gen_random_uuid(), '${alice}', 't', 'h', 'read', now()); update api_tokens set revoked_at = now()`,
        `update api_tokens set revoked_at = null`,
      ],
      [`select 1`, `update federation_grants set subject_user_id = '${bob}'`],
      [`select 1`, `update federation_grants set peer_id = id`],
      [`select 1`, `update api_tokens set access = 'write'`],
      [`select 1`, `update api_tokens set user_id = '${bob}'`],
      [`select 1`, `update federation_peers set local_user_id = '${bob}'`],
    ];

    it.each(['mosaic_app', 'mosaic_admin'] as const)('takes nothing back that ended: as %s', async (role) => {
      const session = as('url', role);
      for (const [end, begin] of revived()) {
        expect([end, await session.run(`begin; ${end}`)]).toEqual([
          end,
          { rows: expect.any(Array) as unknown },
        ]);
        expect([begin, await session.run(begin)]).toEqual([begin, { refused: DENIED }]);
        await session.run('rollback');
      }
    });

    it('maintenance may, as the owner of the tables', async () => {
      await watching.run('begin; set local role mosaic_owner');
      await watching.run(`update federation_grants set status = 'revoked', revoked_at = now()`);
      expect(await watching.run(`update federation_grants set status = 'active', revoked_at = null`)).toEqual(
        { rows: [] },
      );
      await watching.run('rollback');
    });
  });

  it('every function that looks past row-level security has its search path pinned, and the public may call none', async () => {
    const rows = await cluster.underneath(
      urls.url,
      `select oid::regprocedure::text as name from pg_proc where pronamespace = 'app'::regnamespace
        and (has_function_privilege('public', oid, 'EXECUTE')
          or (prosecdef and not exists (select from unnest(proconfig) c where c like 'search_path=%pg_temp')))`,
    );
    expect(rows).toEqual([]);
  });
});
