import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import { testNginxConfig } from '../../devstack/components/nginx.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { CANARY, mosaic, startServices, type CommandLine, type Ended, type Services } from './services.ts';

let services: Services;
let gateway: CommandLine | null = null;
let env: Record<string, string>;

interface Report {
  readonly status: string;
  readonly tier: string;
  readonly config_file: string | null;
  readonly checks: readonly {
    readonly name: string;
    readonly status: string;
    readonly where: string | null;
    readonly ms: number | null;
    readonly message: string;
    readonly remedy: string | null;
  }[];
}

const doctor = async (
  change: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<Ended & { readonly report: Report }> => {
  const ended = await mosaic(['gateway', 'doctor', '--json', ...args], { ...env, ...change }).ended;
  expect(ended.out + ended.err).not.toContain(CANARY);
  return { ...ended, report: JSON.parse(ended.out) as Report };
};
const find = ({ checks }: Report, name: string) => checks.find((check) => check.name === name);
const placeOf = (url: string): string => `127.0.0.1:${new URL(url).port}`;

beforeAll(async () => {
  services = await startServices();
  env = { ...services.environment(), MOSAIC_PUBLIC_PORT: String(await freePort()) };
});
afterAll(async () => {
  gateway?.child.kill('SIGKILL');
  await services.stop();
});

describe('M1-5 mosaic gateway doctor', () => {
  it('before the first start: yellow, exit 1, and changes nothing', async () => {
    for (const _ of [1, 2]) {
      const { code, report } = await doctor();
      expect([code, report.status, report.tier]).toEqual([1, 'yellow', 'federated']);
      expect(find(report, 'gateway')).toMatchObject({ status: 'yellow', message: 'does not run' });
      expect(find(report, 'schema')).toMatchObject({ status: 'yellow' });
    }
  });

  it('of a running gateway: green, exit 0, each service with host, port and milliseconds', async () => {
    gateway = mosaic(['gateway', 'start', '--json'], env);
    await gateway.firstLine;
    const file = path.join(services.folder, 'my.config.json');
    writeFileSync(file, JSON.stringify({ version: 2, gateway: { name: 'work' } }));
    const { code, err, report } = await doctor({}, ['--config', file]);
    expect([code, err, report.status, report.config_file]).toEqual([0, '', 'green', file]);
    for (const [name, url] of [
      ['database', services.postgres.url],
      ['key-value', services.valkey.url],
      ['authority', services.stepCa.url],
    ] as const)
      expect(find(report, name)).toMatchObject({ where: placeOf(url), ms: expect.any(Number) as number });
    for (const name of [
      'configuration',
      'gateway',
      'vector',
      'schema',
      'sealing key',
      'root certificate',
      'intermediate certificate',
      'revocation list of the root',
      'revocation list',
      'server certificate of the front',
      'revocation list of the front',
    ])
      expect([name, find(report, name)?.status]).toEqual([name, 'green']);
    const text = await mosaic(['gateway', 'doctor'], env).ended;
    expect([text.code, text.err]).toEqual([0, '']);
    expect(text.out).toMatch(/ok +vector +- +- +pgvector \d[\s\S]*Overall: green\./);
  });

  it('a peer stands in it with its certificate', async () => {
    const storage = await openPostgresStorage({ url: services.postgres.url });
    const id = crypto.randomUUID();
    const [user] = [{ id: crypto.randomUUID(), name: 'ann', isAdmin: false, createdAt: new Date() }];
    await storage.stores.users.insert(user);
    await storage.stores.peers.insert({
      id,
      direction: 'outbound',
      name: 'work',
      state: 'active',
      createdAt: new Date(),
      localUserId: user.id,
      federationUrl: 'https://work.example',
      caPem: 'ca',
      caFingerprint: 'f'.repeat(64),
      clientCertPem: 'cert',
      clientKeyPemSealed: 'sealed',
      remoteGrantId: crypto.randomUUID(),
      remoteSubjectUserId: crypto.randomUUID(),
      certificateNotAfter: new Date(Date.now() + 86_400_000),
      lastSuccessAt: null,
      lastFailureAt: null,
      lastFailureCode: null,
      ...NEVER_ASKED,
    });
    const { code, report } = await doctor();
    expect(code).toBe(1);
    expect(find(report, 'peer work (outbound)')).toMatchObject({
      status: 'yellow',
      // The running gateway may have tried to renew it by now, and failed.
      message: expect.stringMatching(/(three days|renewal).*certificate until/) as string,
      remedy: expect.stringContaining('peer_renewal_failed') as string,
    });
    await storage.stores.peers.delete(id);
    await storage.close();
  });

  it('F-52 a store that hangs: yellow, as the gateway that serves without it says itself, with what to do', async () => {
    process.kill(services.valkey.pid, 'SIGSTOP');
    try {
      const { code, ms, report } = await doctor();
      expect([code, report.status]).toEqual([1, 'yellow']);
      expect(ms).toBeLessThan(10_000);
      expect(find(report, 'key-value')).toMatchObject({
        status: 'yellow',
        where: placeOf(services.valkey.url),
        message: 'no answer in time',
        remedy: expect.stringContaining('VALKEY_URL') as string,
      });
      expect(find(report, 'gateway')).toMatchObject({
        status: 'yellow',
        message: expect.stringContaining('key-value store does not answer') as string,
      });
      const needed = await doctor({ MOSAIC_KV_WHEN_DOWN: 'refuse' });
      expect([needed.code, find(needed.report, 'key-value')?.status]).toEqual([2, 'red']);
      expect(find(report, 'database')?.status).toBe('green');
    } finally {
      process.kill(services.valkey.pid, 'SIGCONT');
    }
  });

  it('the wrong sealing key, and a database that refuses', async () => {
    const key = await doctor({ MOSAIC_SEALING_KEY: 'ab'.repeat(32) });
    expect([key.code, find(key.report, 'sealing key')?.status]).toEqual([2, 'red']);
    const url = services.postgres.url.replace(/:[^:@/]*@/, `:${CANARY}-wrong@`);
    const database = await doctor({ DATABASE_URL: url });
    expect(find(database.report, 'database')).toMatchObject({
      status: 'red',
      message: 'it refuses the password',
    });
  });

  it('tier local: in use, free, and a configuration that is not valid', async () => {
    const data = path.join(services.folder, 'local');
    const local = {
      MOSAIC_DATA_DIR: data,
      MOSAIC_PUBLIC_PORT: String(await freePort()),
      MOSAIC_LOG_LEVEL: 'warn',
    };
    const run = async (): Promise<Report> =>
      JSON.parse((await mosaic(['gateway', 'doctor', '--json'], local).ended).out) as Report;
    const one = mosaic(['gateway', 'start', '--json', '--federation-port', '0'], local);
    await one.firstLine;
    const used = await run();
    expect([used.status, find(used, 'data folder')?.message]).toEqual([
      'green',
      expect.stringContaining('in use by process'),
    ]);
    one.child.kill('SIGTERM');
    await one.ended;
    const free = await run();
    expect([free.status, find(free, 'sealing key')?.status]).toEqual(['yellow', 'green']);
    const bad = await mosaic(['gateway', 'doctor'], { MOSAIC_TIER: 'huge' }).ended;
    expect([bad.code, bad.err]).toEqual([2, expect.stringContaining('MOSAIC_TIER')]);
  });
});

describe('mosaic infra nginx', () => {
  const words = (text: string): readonly string[] => text.split(' ');
  const args = (out: string): readonly string[] => [
    ...words(`infra nginx --json --out ${out}`),
    ...words('--public-listen 127.0.0.1:1 --federation-listen 127.0.0.1:2'),
    ...words(`--run-dir ${out}/run --log-dir ${out}/log`),
  ];

  it('writes what nginx accepts, from the gateway’s configuration', async () => {
    const out = path.join(services.folder, 'rendered');
    for (const part of ['run', 'log']) mkdirSync(path.join(out, part), { recursive: true });
    const change = { MOSAIC_PUBLIC_SOCKET: path.join(services.folder, 'p.sock'), MOSAIC_PUBLIC_PORT: '' };
    const ended = await mosaic(args(out), { ...env, ...change }).ended;
    expect([ended.code, ended.err]).toEqual([0, '']);
    const { files } = JSON.parse(ended.out) as { files: string[] };
    expect(files.map((one) => path.basename(one)).sort()).toEqual([
      'client-cert.js',
      'mime-types.conf',
      'nginx.conf',
      'proxy-headers.conf',
    ]);
    const config = path.join(out, 'nginx.conf');
    expect(() => testNginxConfig(config)).not.toThrow();
    const text = readFileSync(config, 'utf8');
    expect(text).toContain(`unix:${change.MOSAIC_PUBLIC_SOCKET}`);
    expect(text).toContain(path.join(env['MOSAIC_FRONT_DIRECTORY'] ?? '', 'crl.pem'));
    expect(text).toContain('server_name localhost;');
  });

  it('names what it needs, and takes it from the command line', async () => {
    const missing = await mosaic(['infra', 'nginx', '--server-name', '_'], { MOSAIC_DATA_DIR: 'x' }).ended;
    expect([missing.code, missing.err]).toEqual([
      2,
      expect.stringMatching(/--material[\s\S]*MOSAIC_FRONT_DIRECTORY/),
    ]);
    const sockets = ['--public-socket', '/a', '--public-socket', '/b', '--federation-socket', '/c'];
    const given = await mosaic(['infra', 'nginx', '--server-name', '_', '--material', '/m', ...sockets], {})
      .ended;
    expect([given.code, given.err]).toEqual([0, '']);
    expect(given.out.match(/server unix:/g)).toHaveLength(3);
    const unsafe = await mosaic(
      ['infra', 'nginx', '--server-name', 'a;b', '--material', '/m', ...sockets],
      {},
    ).ended;
    expect([unsafe.code, unsafe.err]).toEqual([2, expect.stringContaining('serverName')]);
  });
});
