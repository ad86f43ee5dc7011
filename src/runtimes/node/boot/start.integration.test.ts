import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { request } from 'node:http';
import { Agent, createServer as createTlsServer, request as requestTls } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../../config/config.ts';
import type { Json } from '../../../config/document.ts';
import { loadConfig } from '../../../config/load.ts';
import { makeTestDeps } from '../../../app/deps.testkit.ts';
import { silent } from '../front/front.testkit.ts';
import { issueServerCertificate } from '../front/server-certificate.ts';
import { startGateway, type RunningGateway } from './start.ts';

let folder: string;
let running: RunningGateway[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mosaic-start-'));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((gateway) => gateway.stop()));
  rmSync(folder, { recursive: true, force: true });
});

const configOf = (listen: Json = {}): GatewayConfig =>
  loadConfig({
    file: {
      version: 2,
      data_dir: join(folder, 'data'),
      listen: { public: { port: 0 }, federation: { port: 0 }, ...listen },
    },
  }).config;

const start = async (config = configOf()): Promise<RunningGateway> => {
  const gateway = await startGateway(config, { log: silent });
  running.push(gateway);
  return gateway;
};

const setup = (gateway: RunningGateway): Promise<Response> =>
  fetch(`${gateway.publicUrl}/api/bootstrap/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"root"}',
  });

describe('starting a gateway of tier local', () => {
  it('the ports it got are in its URLs, and it says that nobody is there yet', async () => {
    const gateway = await start();
    expect(gateway.publicUrl).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
    expect(gateway.federationUrl).toMatch(/^https:\/\/127\.0\.0\.1:[1-9]\d+$/);
    expect(gateway.enrollmentUrl).toBe(gateway.federationUrl);
    expect(gateway.deps.settings.federationUrl).toBe(gateway.federationUrl);
    expect(gateway.needsFirstAdmin).toBe(true);
  });

  it('keeps data, key and authority over a restart', async () => {
    const first = await start();
    expect((await setup(first)).status).toBe(201);
    const root = await first.deps.ca.rootPem();
    await first.stop();
    expect(existsSync(join(folder, 'data', 'gateway.lock'))).toBe(false);
    const second = await start();
    expect(second.needsFirstAdmin).toBe(false);
    expect(await second.deps.ca.rootPem()).toBe(root);
    expect((await setup(second)).status).toBe(409);
  });

  it('makes its sealing key for its own user alone, and its folder too', async () => {
    await start();
    expect(statSync(join(folder, 'data', 'sealing.key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
  });

  it('a second start on the same folder is refused, and harms nothing', async () => {
    const gateway = await start();
    await expect(start()).rejects.toThrow(
      /data folder .* is in use by process \d+\. Stop that gateway, or give this one another folder/,
    );
    expect((await fetch(`${gateway.publicUrl}/ready`)).status).toBe(200);
  });

  it('a lock that a dead process left behind is taken over', async () => {
    await (await start()).stop();
    const dead = { pid: 2 ** 22 + 1, started: '1', host: (await import('node:os')).hostname() };
    writeFileSync(join(folder, 'data', 'gateway.lock'), JSON.stringify(dead));
    expect((await fetch(`${(await start()).publicUrl}/health`)).status).toBe(200);
  });

  it.each(['public', 'federation'])('a %s port in use is named, and nothing stays open', async (name) => {
    const other: Server = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
    });
    const message = `Cannot listen on 127.0.0.1:${port}: the port is in use by another program. End that program, or choose another port (listen.${name}).`;
    await expect(start(configOf({ [name]: { port } }))).rejects.toThrow(message);
    await new Promise((resolve) => other.close(resolve));
    expect((await start(configOf({ [name]: { port } }))).publicUrl).toBeTruthy();
  });
});

describe('X-50 the sealing key of a data folder', () => {
  const key = (): string => join(folder, 'data', 'sealing.key');

  it('is not made anew when it is lost: the database could not be opened with it', async () => {
    await (await start()).stop();
    rmSync(key());
    await expect(start()).rejects.toThrow(
      /sealing\.key is missing, but the database beside it was sealed with it\. Restore it/,
    );
    expect(existsSync(key())).toBe(false);
  });

  it('of another database is a clear failure, and the lock is free again', async () => {
    await (await start()).stop();
    const mine = readFileSync(key(), 'utf8');
    writeFileSync(key(), `${Buffer.alloc(32, 7).toString('base64')}\n`);
    await expect(start()).rejects.toThrow(/does not open the database beside it/);
    writeFileSync(key(), mine);
    expect((await start()).needsFirstAdmin).toBe(true);
  });

  it('must not be readable by others', async () => {
    await (await start()).stop();
    chmodSync(key(), 0o640);
    await expect(start()).rejects.toThrow(/can be read by others. Close it to others: chmod 600/);
  });

  it('must be whole', async () => {
    await (await start()).stop();
    writeFileSync(key(), 'c2hvcnQ=\n');
    await expect(start()).rejects.toThrow(/does not hold a sealing key/);
  });
});

describe('a gateway behind a front', () => {
  it('listens on a socket for owner and group alone, with certificates by header and nothing public on it', async () => {
    const socketPath = join(folder, 'federation.sock');
    const { config } = loadConfig({
      file: {
        version: 2,
        data_dir: join(folder, 'data'),
        listen: { public: { port: 0 }, federation: { socket: socketPath } },
        federation: { url: 'https://work.example' },
      },
    });
    const gateway = await start(config);
    expect(statSync(socketPath).mode & 0o777).toBe(0o660);
    expect(gateway.federationUrl).toBe('https://work.example');
    const status = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ socketPath, path }, (incoming) => resolve(incoming.resume().statusCode))
          .on('error', reject)
          .end();
      });
    expect(await status('/federation/v1/tasks')).toBe(401);
    expect(await status('/health')).toBe(401);
    await gateway.stop();
    expect(existsSync(socketPath)).toBe(false);
  });

  it('X-16 X-17 the public listener does not know the header', async () => {
    const gateway = await start();
    const answer = await fetch(`${gateway.publicUrl}/federation/v1/tasks`, {
      headers: { 'client-cert': ':AAAA:', 'ssl-client-verify': 'SUCCESS' },
    });
    expect(answer.status).toBe(404);
  });
});

describe('the gateway’s own front', () => {
  it('X-38 what it refuses before any app is audited with its reason, and a flood of it within bounds', async () => {
    const { federationUrl, deps } = await start();
    const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const refused = (): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const options = { agent, headers: { traceparent } };
        requestTls(`${federationUrl}/federation/v1/tasks`, options, (incoming) =>
          resolve(incoming.resume().statusCode),
        )
          .on('error', reject)
          .end();
      });
    const entries = async () => {
      await deps.audit.flush();
      return (await deps.storage.stores.audit.list({ limit: 1_000, after: null }, {})).items;
    };
    expect(await refused()).toBe(401);
    expect(await entries()).toMatchObject([
      { reasonCode: 'certificate_required', outcome: 'denied', status: 401, traceId: 'a'.repeat(32) },
    ]);
    const began = Date.now();
    for (let round = 0; round < 26; round += 1) await Promise.all(Array.from({ length: 10 }, refused));
    const most = 200 + Math.ceil((Date.now() - began) / 100) + 1;
    expect((await entries()).length).toBeGreaterThanOrEqual(200);
    expect((await entries()).length).toBeLessThanOrEqual(Math.min(261, most));
    agent.destroy();
  });
});

describe('stopping a gateway', () => {
  it('lets an answer under way finish, writes the audit log out, and may be asked twice', async () => {
    const gateway = await start();
    await setup(gateway);
    const answers = Array.from({ length: 20 }, () =>
      fetch(`${gateway.publicUrl}/ready`).then(({ status }) => status),
    );
    await fetch(`${gateway.publicUrl}/health`);
    const stopped = [gateway.stop(), gateway.stop()];
    expect(
      (await Promise.allSettled(answers)).filter(({ status }) => status === 'fulfilled').length,
    ).toBeGreaterThan(0);
    await Promise.all(stopped);
    const { accepted, written, dropped } = gateway.deps.audit.counters;
    expect({ written, dropped }).toEqual({ written: accepted, dropped: 0 });
    await expect(fetch(`${gateway.publicUrl}/health`)).rejects.toThrow('fetch failed');
  });
});

describe('the alert webhook of a gateway', () => {
  it('M6-6 is told of what is logged with `alert`', async () => {
    const authority = await makeTestDeps();
    const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
    const { chain, key } = await issueServerCertificate(authority, names);
    const bodies: unknown[] = [];
    const receiver = createTlsServer({ cert: chain, key }, (incoming, outgoing) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('end', () => {
        bodies.push(JSON.parse(Buffer.concat(parts).toString('utf8')));
        outgoing.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, await authority.ca.rootPem()]);
    try {
      const { port } = receiver.address() as AddressInfo;
      const config = configOf();
      const { deps } = await start({
        ...config,
        alertWebhookUrl: `https://127.0.0.1:${port}/hook`,
        federation: { ...config.federation, allowPrivateAddresses: true },
      });
      // Another gateway that ended without a word.
      const writer = { id: crypto.randomUUID(), startedAt: new Date(0), isEphemeral: false };
      await deps.storage.stores.auditChain.openWriter(writer);
      const told = { alert: 'audit_lost_tail', writer_id: writer.id, gateway: deps.settings.gatewayName };
      await expect.poll(() => bodies, { timeout: 60_000 }).toMatchObject([told]);
    } finally {
      setDefaultCACertificates(trusted);
      receiver.close();
      await authority.close();
    }
  });
});
