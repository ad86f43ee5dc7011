import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { urlsOf } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { startStepCa } from '../../devstack/components/step-ca.ts';
import { CANARY, mosaic, startServices, type CommandLine, type Ended, type Services } from './services.ts';

/** SPEC M1-2. */
const REFUSAL_MS = 10_000;

let services: Services;
const running: CommandLine[] = [];

beforeAll(async () => {
  services = await startServices();
});
afterAll(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await services.stop();
});

const start = async (env: Readonly<Record<string, string>>) => {
  const gateway = mosaic(['gateway', 'start', '--json'], env);
  running.push(gateway);
  const { line, ms } = await gateway.firstLine;
  const { public_url: url } = JSON.parse(line) as { public_url: string };
  return {
    url,
    ms,
    end: () => {
      gateway.child.kill('SIGTERM');
      return gateway.ended;
    },
  };
};

const refused = async (env: Readonly<Record<string, string>>): Promise<Ended> => {
  const gateway = mosaic(['gateway', 'start'], env);
  running.push(gateway);
  const ended = await gateway.ended;
  expect(ended.code).toBe(1);
  expect(ended.ms).toBeLessThan(REFUSAL_MS);
  expect(ended.out + ended.err).not.toContain(CANARY);
  expect(ended.err).not.toMatch(/\n\s+at /);
  return ended;
};

const portOf = (url: string): string => new URL(url).port;
const withPassword = (url: string, password: string): string =>
  url.replace(/:[^:@/]*@/, `:${encodeURIComponent(password)}@`);

const database = () => postgres(services.postgres.url, { max: 1, onnotice: () => undefined });
const superuser = (sql: string) => {
  const folder = path.join(services.folder, 'postgres');
  return postgres({
    host: folder,
    port: Number(portOf(services.postgres.url)),
    database: 'mosaic',
    user: 'postgres',
    max: 1,
    onnotice: () => undefined,
  })
    .unsafe(sql)
    .simple();
};

describe('tier federated, on the real services', () => {
  it('M1-1 boots, is ready, and ends in order', async () => {
    const gateway = await start(services.environment());
    const answer = await fetch(`${gateway.url}/ready`);
    const body = (await answer.json()) as { services: Record<string, { status: string }> };
    expect(answer.status).toBe(200);
    expect(Object.values(body.services).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    expect(body).toMatchObject({ front: { status: 'ok', refused_lists: 0 } });
    expect(await gateway.end()).toMatchObject({ code: 0, err: '' });
  });

  it('M1-3 the vector extension is there after a boot, twice, and a value round-trips', async () => {
    for (const _ of [1, 2]) {
      const gateway = await start(services.environment());
      await gateway.end();
      const sql = database();
      try {
        const [row] = await sql`select '[1,2.5,-3]'::vector(3)::text as value`;
        expect(row?.['value']).toBe('[1,2.5,-3]');
      } finally {
        await sql.end();
      }
    }
  });

  it('M1-3 creates the extension when the database has none and the login may', async () => {
    // pgvector is no trusted extension, so only a superuser creates it.
    await superuser(`create role chief login superuser password '${CANARY}-chief'`);
    await superuser('create database bare owner chief');
    const { url: api, peersUrl, maintenanceUrl } = urlsOf(services.postgres.url.replace(/mosaic$/, 'bare'));
    const url = maintenanceUrl.replace(/\/\/[^@]*@/, `//chief:${CANARY}-chief@`);
    const gateway = await start({
      ...services.environment(),
      DATABASE_URL: api,
      DATABASE_PEERS_URL: peersUrl,
      DATABASE_MAINTENANCE_URL: url,
    });
    await gateway.end();
    const sql = postgres(url, { max: 1 });
    const [row] = await sql`select extname from pg_extension where extname = 'vector'`;
    await sql.end();
    expect(row?.['extname']).toBe('vector');
  });
});

describe('M1-2 a service that is missing', () => {
  it.each([
    ['Postgres', 'DATABASE_URL', (port: number) => `postgres://mosaic:${CANARY}@127.0.0.1:${port}/mosaic`],
    ['Valkey', 'VALKEY_URL', (port: number) => `valkey://mosaic:${CANARY}@127.0.0.1:${port}`],
    ['step-ca', 'STEP_CA_URL', (port: number) => `https://127.0.0.1:${port}`],
  ])('%s is not there', async (service, variable, urlOf) => {
    const port = await freePort();
    const { err } = await refused({ ...services.environment(), [variable]: urlOf(port) });
    expect(err).toContain(`${service} at 127.0.0.1:${port}: nothing listens there`);
    expect(err).toContain(variable);
  });

  it('all at once are named at once', async () => {
    const [pg, kv, ca] = await Promise.all([freePort(), freePort(), freePort()]);
    const { err } = await refused({
      ...services.environment(),
      DATABASE_URL: `postgres://mosaic:${CANARY}@127.0.0.1:${pg}/mosaic`,
      VALKEY_URL: `valkey://mosaic:${CANARY}@127.0.0.1:${kv}`,
      STEP_CA_URL: `https://127.0.0.1:${ca}`,
    });
    for (const [name, port] of [
      ['Postgres', pg],
      ['Valkey', kv],
      ['step-ca', ca],
    ])
      expect(err).toContain(`${name} at 127.0.0.1:${port}: nothing listens there`);
  });

  it('wrong passwords', async () => {
    const { err } = await refused({
      ...services.environment(),
      DATABASE_URL: withPassword(services.postgres.url, `${CANARY}-wrong`),
      VALKEY_URL: withPassword(services.valkey.url, `${CANARY}-wrong`),
      STEP_CA_PROVISIONER_PASSWORD_FILE: services.stepCa.rootCertFile,
    });
    expect(err).toContain(`Postgres at 127.0.0.1:${portOf(services.postgres.url)}: it refuses the password`);
    expect(err).toContain(
      `Valkey at 127.0.0.1:${portOf(services.valkey.url)}: it refused the user name or password`,
    );
    expect(err).toContain('does not open with that password');
  });

  it('no pgvector on the server', async () => {
    // As it looks to a client: the package's control file is not among the server's extensions.
    await superuser('create database novector owner mosaic_maintenance');
    const sql = superuser(
      `alter role mosaic_maintenance in database novector set search_path = hidden, pg_catalog;`,
    );
    await sql;
    const url = services.postgres.maintenanceUrl.replace(/mosaic$/, 'novector');
    const admin = postgres({
      host: path.join(services.folder, 'postgres'),
      port: Number(portOf(services.postgres.url)),
      database: 'novector',
      user: 'postgres',
      max: 1,
    });
    await admin
      .unsafe(
        `create schema hidden; grant usage on schema hidden to mosaic_maintenance;
       create view hidden.pg_available_extensions as select * from pg_catalog.pg_available_extensions where name <> 'vector';
       grant select on hidden.pg_available_extensions to mosaic_maintenance`,
      )
      .simple();
    await admin.end();
    const { err } = await refused({ ...services.environment(), DATABASE_MAINTENANCE_URL: url });
    expect(err).toContain('pgvector');
    expect(err).toContain('postgresql-15-pgvector');
    expect(err).toContain(`Postgres at 127.0.0.1:${portOf(services.postgres.url)}`);
  });

  it('a login that may not prepare the database', async () => {
    await superuser(`create role plain login password '${CANARY}-plain'`);
    await superuser('create database plain owner plain');
    const url = services.postgres.url
      .replace(/\/\/mosaic:[^@]*@/, `//plain:${CANARY}-plain@`)
      .replace(/mosaic$/, 'plain');
    const { err } = await refused({ ...services.environment(), DATABASE_MAINTENANCE_URL: url });
    expect(err).toMatch(/lacks rights that its purpose needs[\s\S]*mosaic database setup-sql/);
  });

  it.each(['postgres', 'valkey', 'stepCa'] as const)('%s hangs', async (name) => {
    const service = services[name];
    process.kill(service.pid, 'SIGSTOP');
    try {
      const { err } = await refused(services.environment());
      expect(err).toMatch(/in time/);
      expect(err).toContain(`127.0.0.1:${portOf(service.url)}`);
    } finally {
      process.kill(service.pid, 'SIGCONT');
    }
  });

  it('files that are missing or wrong', async () => {
    const env = services.environment();
    const missing = await refused({ ...env, STEP_CA_ROOT_CRL_PATH: '/nowhere/root.crl' });
    expect(missing.err).toMatch(/\/nowhere\/root\.crl cannot be read[\s\S]*STEP_CA_ROOT_CRL_PATH/);
    const folder = path.join(services.folder, 'not-a-folder');
    writeFileSync(folder, '');
    const front = await refused({ ...env, MOSAIC_FRONT_DIRECTORY: folder });
    expect(front.err).toMatch(/front at .*not-a-folder/);
  });
});

describe('M1-2 a step-ca that is not ours', () => {
  it('another root, other keys, a lost template', async () => {
    const folder = path.join(services.folder, 'other');
    const [port, crlPort] = await Promise.all([freePort(), freePort()]);
    const other = await startStepCa({ folder, port, crlPort });
    const env = services.environment();
    const ofOther = {
      STEP_CA_URL: other.url,
      STEP_CA_ROOT_CERT_PATH: other.rootCertFile,
      STEP_CA_INTERMEDIATE_CERT_PATH: other.intermediateCertFile,
      STEP_CA_ROOT_CRL_PATH: other.rootCrlFile,
    };
    try {
      const root = await refused({ ...env, STEP_CA_URL: other.url });
      expect(root.err).toMatch(/pinned root[\s\S]*STEP_CA_ROOT_CERT_PATH/);
      const keys = await refused({ ...env, ...ofOther });
      expect(keys.err).toMatch(/mosaic-fed has another key[\s\S]*STEP_CA_PROVISIONER_KEY_JSON_FILE/);
    } finally {
      await stop(other);
    }
    const file = path.join(folder, 'ca', 'config', 'ca.json');
    const config = readFileSync(file, 'utf8');
    writeFileSync(file, config.replaceAll(/, "options": \{ "x509": \{ "templateFile": "[^"]*" \} \}/g, ''));
    const lost = await startStepCa({ folder, port, crlPort });
    try {
      const template = await refused({
        ...env,
        ...ofOther,
        STEP_CA_PROVISIONER_KEY_JSON_FILE: other.clientKeyFile,
        STEP_CA_TLS_PROVISIONER_KEY_JSON_FILE: other.serverKeyFile,
        STEP_CA_PROVISIONER_PASSWORD_FILE: other.provisionerPasswordFile,
      });
      expect(template.err).toMatch(/signs without the template[\s\S]*templateFile/);
    } finally {
      await stop(lost);
    }
  });
});
