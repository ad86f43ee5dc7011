import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read } from './client.ts';
import { startEdgeServices, type EdgeServices } from './services.ts';
import { openWorkerdGateway } from './workerd-gateway.ts';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
/** Whoever comes by TCP has to speak TLS. */
const ENCRYPTED_ONLY = 'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n';

describe('Postgres over TLS on Workers, by cloudflare:sockets', () => {
  let services: EdgeServices;
  let underneath: postgres.Sql;
  let folder: string;
  const at = (name: string): string => path.join(folder, name);
  const pem = (name: string): string => readFileSync(at(`${name}.pem`), 'utf8');
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

  const makeAuthority = (name: string) =>
    openssl('req', '-x509', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`);

  /** Has the server show a certificate of the test's authority for one name. */
  const present = async (name: string): Promise<void> => {
    openssl('req', ...KEY.slice(0, 5), '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server');
    writeFileSync(at('server.ext'), `subjectAltName=DNS:${name}\n`);
    const by = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', 'server.csr', ...by, '-extfile', 'server.ext', '-out', 'server.pem');
    const { uid, gid } = statSync(services.databaseFolder);
    for (const file of ['server.pem', 'server.key']) {
      const to = path.join(services.databaseFolder, file);
      copyFileSync(at(file), to);
      chownSync(to, uid, gid);
      chmodSync(to, 0o600);
    }
    await underneath`alter system set ssl_cert_file = 'server.pem'`;
    await underneath`alter system set ssl_key_file = 'server.key'`;
    await setTls(true);
  };
  const setTls = async (isOn: boolean): Promise<void> => {
    await underneath.unsafe(`alter system set ssl = ${isOn ? 'on' : 'off'}`);
    await underneath`select pg_reload_conf()`;
    const shown = async () => (await underneath<{ ssl: string }[]>`show ssl`)[0]?.ssl;
    await expect.poll(shown).toBe(isOn ? 'on' : 'off');
  };

  beforeAll(async () => {
    services = await startEdgeServices();
    folder = mkdtempSync(path.join(tmpdir(), 'mosaic-workers-tls-'));
    const { searchParams, port } = new URL(services.databaseAdminUrl);
    underneath = postgres({
      path: path.join(searchParams.get('host') ?? '', `.s.PGSQL.${port}`),
      username: 'postgres',
      database: 'postgres',
      max: 1,
      onnotice: () => undefined,
    } as postgres.Options<Record<string, never>>);
    makeAuthority('root');
    makeAuthority('other');
    writeFileSync(path.join(services.databaseFolder, 'pg_hba.conf'), ENCRYPTED_ONLY);
  });
  afterAll(async () => {
    await underneath.end({ timeout: 1 });
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What `/ready` says of the database, reached by that name and that word about TLS. */
  const ready = async (query: string, trusts: string | null): Promise<readonly [number, unknown]> => {
    const named = (url: string): string => `${url.replace('@127.0.0.1:', '@localhost:')}?${query}`;
    const gateway = await openWorkerdGateway({
      services,
      database: 'address',
      ...(trusts === null ? {} : { trusts }),
      env: {
        DATABASE_URL: named(services.databaseUrl),
        DATABASE_PEERS_URL: named(services.databasePeersUrl),
        MOSAIC_DATABASE_CONNECT_TIMEOUT_MS: '2000',
      },
    });
    try {
      const { status, text } = await read(await gateway.publicFetch('/ready'));
      const { code, status: state } = JSON.parse(text) as {
        readonly code?: string;
        readonly status?: string;
      };
      return [status, code ?? state];
    } finally {
      await gateway.stop();
    }
  };
  const REFUSED = [503, 'database_unavailable'];

  it('F-79 is encrypted and verified: the right authority and name are served, at a server that takes nothing else', async () => {
    await present('localhost');
    expect(await ready('sslmode=verify-full', pem('root'))).toEqual([200, 'ready']);
    expect(await ready('sslmode=disable', pem('root'))).toEqual(REFUSED);
  });

  it('F-79 a server of an authority that the runtime does not trust is refused, also by sslmode=require', async () => {
    expect(await ready('sslmode=verify-full', pem('other'))).toEqual(REFUSED);
    expect(await ready('sslmode=verify-full', null)).toEqual(REFUSED);
    expect(await ready('sslmode=require', pem('other'))).toEqual(REFUSED);
  });

  it('F-79 a server with another name, or without TLS, is refused', async () => {
    await present('db.example.org');
    expect(await ready('sslmode=verify-full', pem('root'))).toEqual(REFUSED);
    await setTls(false);
    expect(await ready('sslmode=require', pem('root'))).toEqual(REFUSED);
  });
});
