import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  chownSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage, type PostgresStorageOptions } from '../../../db/connect/postgres.ts';
import { probePostgres } from '../../../db/connect/probe.ts';
import { databaseCodeOf } from '../../../domain/database/state.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { startPostgres, urlsOf, type Postgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { mosaic } from './services.ts';

const PASSWORD = 'canary-password';
const readFile = (file: string): string => readFileSync(file, 'utf8');

describe('F-37 a Postgres with TLS, by every way an address can name it', () => {
  let folder: string;
  let server: Postgres;
  let underneath: postgres.Sql;
  let port: number;
  const closers: (() => Promise<unknown>)[] = [];
  const file = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

  /** A certificate of the test's authority for these names. */
  const issue = (name: string, names: string): void => {
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\n`);
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  };
  const present = async (name: string | null): Promise<void> => {
    const data = path.join(folder, 'postgres', 'data');
    const { uid, gid } = statSync(data);
    for (const kind of name === null ? [] : ['pem', 'key']) {
      const to = path.join(data, `server.${kind}`);
      copyFileSync(file(`${name}.${kind}`), to);
      chownSync(to, uid, gid);
      chmodSync(to, 0o600);
    }
    await underneath`alter system set ssl_cert_file = 'server.pem'`;
    await underneath`alter system set ssl_key_file = 'server.key'`;
    await underneath.unsafe(`alter system set ssl = ${name === null ? 'off' : 'on'}`);
    await underneath`select pg_reload_conf()`;
    await expect
      .poll(async () => (await underneath<{ ssl: string }[]>`show ssl`)[0]?.ssl)
      .toBe(name === null ? 'off' : 'on');
  };

  beforeAll(async () => {
    ensureInstalled();
    folder = mkdtempSync(path.join(tmpdir(), 'mosaic-address-'));
    chmodSync(folder, 0o711);
    port = await freePort();
    server = await startPostgres({
      folder: file('postgres'),
      port,
      database: 'base',
      user: 'mosaic',
      password: PASSWORD,
    });
    underneath = postgres({
      path: path.join(folder, 'postgres', `.s.PGSQL.${port}`),
      username: 'postgres',
      database: 'base',
      max: 1,
      onnotice: () => undefined,
    } as postgres.Options<Record<string, never>>);
    await (await openPostgresStorage(urlsOf(server.url))).close();
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=test authority',
    );
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'other.key',
      '-out',
      'other.pem',
      '-days',
      '2',
      '-subj',
      '/CN=other authority',
    );
    issue('by-name', 'DNS:localhost');
    issue('by-address', 'IP:127.0.0.1,IP:::1');
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    await underneath.end({ timeout: 1 });
    await stop(server);
    rmSync(folder, { recursive: true, force: true });
  });

  const url = (hosts: string, query = ''): string =>
    `postgres://mosaic:${PASSWORD}@${hosts}/base${query === '' ? '' : `?${query}`}`;
  /** Whether the session is encrypted, or the code of what went wrong. */
  const reached = async (
    address: PostgresStorageOptions['url'],
    options: Partial<PostgresStorageOptions> = {},
  ): Promise<string> => {
    try {
      const storage = await openPostgresStorage({ url: address, readFile, ...options });
      const [row] = await underneath<{ ssl: boolean }[]>`
        select bool_and(s.ssl) as ssl from pg_stat_ssl s join pg_stat_activity using (pid)
        where application_name = 'mosaic-federation'`;
      await storage.close();
      return row?.ssl === true ? 'encrypted' : 'plain';
    } catch (error) {
      return databaseCodeOf(error) ?? String(error);
    }
  };
  const root = (): string => `sslrootcert=${file('ca.pem')}`;

  it('sslmode means what libpq says', async () => {
    await present('by-name');
    const at = `127.0.0.1:${port}`;
    const byName = `localhost:${port}`;
    expect(await reached(url(at))).toBe('plain');
    expect(await reached(url(at, 'sslmode=disable'))).toBe('plain');
    expect(await reached(url(at, 'sslmode=prefer'))).toBe('encrypted');
    expect(await reached(url(at, 'sslmode=allow'))).toBe('encrypted');
    expect(await reached(url(at, 'sslmode=require'))).toBe('encrypted');
    expect(await reached(url(at, `sslmode=require&sslrootcert=${file('other.pem')}`))).toMatch(
      /SELF_SIGNED|UNABLE_TO/,
    );
    expect(await reached(url(at, `sslmode=verify-ca&${root()}`))).toBe('encrypted');
    expect(await reached(url(at, 'sslmode=verify-ca'))).toMatch(/SELF_SIGNED|UNABLE_TO/);
    expect(await reached(url(byName, `sslmode=verify-full&${root()}`))).toBe('encrypted');
    expect(await reached(url(byName, 'sslmode=verify-full'))).toMatch(/SELF_SIGNED|UNABLE_TO/);
    expect(await reached(url(byName, 'sslmode=verify-full'), { ca: () => readFile(file('ca.pem')) })).toBe(
      'encrypted',
    );
    // Not "localhost", which this certificate names.
    expect(await reached(url(at, `sslmode=verify-full&${root()}`))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    await present('by-address');
    expect(await reached(url(at, `sslmode=verify-full&${root()}`))).toBe('encrypted');
    expect(await reached(url(byName, `sslmode=verify-full&${root()}`))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('a server without TLS is refused where TLS is demanded, and says so', async () => {
    await present(null);
    expect(await reached(url(`127.0.0.1:${port}`, 'sslmode=require'))).toBe('NO_TLS');
    expect(await reached(url(`127.0.0.1:${port}`, 'sslmode=prefer'))).toBe('plain');
  });

  it('several hosts, a folder of sockets and IPv6', async () => {
    const closed = await freePort();
    expect(await reached(url(`127.0.0.1:${closed},127.0.0.1:${port}`))).toBe('plain');
    expect(await reached(url('', `host=${encodeURIComponent(file('postgres'))}&port=${port}`))).toBe('plain');
    const six = net.createServer((client) => {
      const target = net.connect({ host: '127.0.0.1', port });
      client.pipe(target).pipe(client);
      client.on('error', () => target.destroy());
      target.on('error', () => client.destroy());
    });
    await new Promise<void>((resolve) => six.listen(0, '::1', resolve));
    closers.push(() => new Promise((resolve) => six.close(resolve)));
    const { port: sixPort } = six.address() as net.AddressInfo;
    expect(await reached(url(`[::1]:${sixPort}`))).toBe('plain');
  });

  it('mosaic database migrate reads an address as a gateway does', async () => {
    await present('by-name');
    const { maintenanceUrl } = urlsOf(server.url);
    const hosts = `@localhost:${await freePort()},localhost:${port}/`;
    const env = {
      DATABASE_MAINTENANCE_URL: `${maintenanceUrl.replace(/@[^/]+\//, hosts)}?sslmode=verify-full`,
      MOSAIC_DATABASE_CA_PATH: file('ca.pem'),
    };
    const { code, out, err } = await mosaic(['database', 'migrate', '--json'], env).ended;
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ applied: [] });
    const unknown = await mosaic(['database', 'migrate'], { ...env, MOSAIC_DATABASE_CA_PATH: '' }).ended;
    expect(unknown.code).toBe(3);
  });

  it('H-9 a password that was changed is read again at the next connect: 503 until then, and no restart', async () => {
    let password = PASSWORD;
    const storage = await openPostgresStorage({
      url: () => `postgres://mosaic:${password}@127.0.0.1:${port}/base`,
      leaseSeconds: 3,
    });
    closers.push(() => storage.close());
    await underneath`alter role mosaic password 'rotated'`;
    closers.push(() => underneath.unsafe(`alter role mosaic password '${PASSWORD}'`));
    const end = () => underneath`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mosaic-federation'`;
    await end();
    await expect.poll(() => storage.ping().then(() => null, databaseCodeOf)).toBe('28P01');
    await expect(storage.ping()).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(storage.state()).toMatchObject({ condition: 'refused' });
    password = 'rotated';
    await expect
      .poll(() => storage.ping().then(() => 'served', databaseCodeOf), { timeout: 5_000 })
      .toBe('served');
    await expect.poll(() => storage.state().condition, { timeout: 5_000 }).toBe('ok');
  });

  it('F-33 says which encoding and character type a database has', async () => {
    await underneath.unsafe(
      `create database latin owner mosaic encoding 'LATIN1' locale 'C' template template0`,
    );
    await underneath.unsafe(
      `create database ascii owner mosaic encoding 'SQL_ASCII' locale 'C' template template0`,
    );
    const factsOf = async (database: string) =>
      (await probePostgres({ url: server.url.replace('/base', `/${database}`) })).facts;
    expect(await factsOf('base')).toMatchObject({ encoding: 'UTF8', characterType: 'C.UTF-8' });
    expect(await factsOf('latin')).toMatchObject({ encoding: 'LATIN1', characterType: 'C' });
    expect(await factsOf('ascii')).toMatchObject({ encoding: 'SQL_ASCII' });
  });
});
