import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, runCli, startCli, words, type Running } from './process.testkit.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaic-gateway-test-'));
});
const started: Running[] = [];
afterEach(async () => {
  // Only after a failure is there anything left to end.
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const PORTS = words`--public-port 0 --federation-port 0`;
const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Running => {
  const settings = { cwd: folder, env: { MOSAIC_LOG_LEVEL: 'error', ...env } };
  const running = startCli([...words`gateway start`, ...args], settings);
  started.push(running);
  return running;
};

interface Ready {
  readonly name: string;
  readonly public_url: string;
  readonly data_dir: string;
  readonly first_start: boolean;
}

const ready = async (running: Running): Promise<Ready> => {
  await expect.poll(() => running.out().includes('\n'), { timeout: 50_000, interval: 50 }).toBe(true);
  return JSON.parse(running.out()) as Ready;
};

const end = async (running: Running): Promise<void> => {
  running.child.kill('SIGTERM');
  expect(await running.finished).toMatchObject({ code: 0, signal: null });
};

describe('mosaic gateway start', () => {
  it('is ready, tells how to create the first administrator, and ends gracefully', async () => {
    const running = start([...PORTS, ...words`--name work --data-dir here`]);
    await expect.poll(() => running.out(), { timeout: 50_000 }).toContain('Press Ctrl-C to stop it.');
    const text = running.out();
    expect(text).toContain('Gateway work is ready; its data is in here.');
    const bootstrap = /^ {2}mosaic (bootstrap admin .*)$/m.exec(text)?.[1] ?? '';
    expect(await runCli(bootstrap.split(' '), { cwd: folder })).toMatchObject({ code: 0, err: '' });
    await end(running);

    const again = start([...PORTS, ...words`--name work --data-dir here --json`]);
    const line = await ready(again);
    expect(line).toMatchObject({ name: 'work', first_start: false });
    const users = await runCli(words`user list --json --url ${line.public_url} --token-file admin.token`, {
      cwd: folder,
    });
    expect(users.code).toBe(0);
    await end(again);
  });

  it('F-78 warns of a misspelt variable in the log and in the doctor, and knows those of its commands', async () => {
    const env = { MOSAIC_PUBLC_PORT: '8080', MOSAIC_URL: 'http://127.0.0.1:1', MOSAIC_LOG_LEVEL: 'warn' };
    const told = 'MOSAIC_PUBLC_PORT sets nothing: did you mean MOSAIC_PUBLIC_PORT?';
    const running = start([...PORTS, ...words`--data-dir here --json`], env);
    await ready(running);
    expect(running.err()).toContain(told);
    expect(running.err()).not.toContain('MOSAIC_URL');
    await end(running);
    const { code, out } = await runCli(words`gateway doctor`, { cwd: folder, env });
    expect(code).toBe(1);
    expect(out).toContain(told);
    expect(out).toContain('configuration: correct the names');
  });

  it('takes options before the environment before the file', async () => {
    const listen = { public: { port: 0 }, federation: { port: 0 } };
    const document = { version: 2, gateway: { name: 'from-file' }, data_dir: 'from-file', listen };
    await writeFile(join(folder, 'my.json'), JSON.stringify(document));
    const running = start(words`--config my.json --json --name from-option`, {
      MOSAIC_DATA_DIR: 'from-env',
      MOSAIC_GATEWAY_NAME: 'e',
    });
    expect(await ready(running)).toMatchObject({
      name: 'from-option',
      data_dir: expect.stringMatching(/from-env$/) as string,
    });

    const second = await start([...PORTS, ...words`--data-dir from-env --json`]).finished;
    expect(second).toMatchObject({ code: 1, out: '' });
    expect(second.err).toContain('is in use by process');
    await end(running);
  });

  it('refuses a configuration with the path and the variable of every fault: 2', async () => {
    await writeFile(
      join(folder, 'mosaic.config.json'),
      '{"version": 2, "colour": "red", "listen": {"public": {"port": "x"}}}',
    );
    const plain = await start([], { FEDERATION_PEER_TIMEOUT_MS: '5' }).finished;
    expect(plain).toMatchObject({ code: 2, out: '' });
    for (const part of ['colour: unknown key', 'listen.public.port', 'FEDERATION_PEER_TIMEOUT_MS'])
      expect(plain.err).toContain(part);
    const json = await start(words`--json`).finished;
    expect(errorOf(json)).toMatchObject({ code: 'invalid_configuration', exit_code: 2 });
    expect((await start(words`--config none.json`).finished).code).toBe(2);
  });

  it('tells which port is taken: 1', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = String((server.address() as AddressInfo).port);
    const finished = await start(words`--public-port ${port} --federation-port 0 --json`).finished;
    await new Promise((resolve) => server.close(resolve));
    expect(finished).toMatchObject({ code: 1, out: '' });
    expect(finished.err).toContain(port);
    expect(finished.err).not.toMatch(/\bat .*\.ts/);
  });

  it('ends with the program that started it', async () => {
    const running = start([...PORTS, ...words`--json --stop-with-stdin`]);
    // Standard input was closed from the beginning.
    expect(await running.finished).toMatchObject({ code: 0, signal: null });
  });
});
