import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { launchGateway, type GatewayProcess, type ReadyGateway } from '../demo/launch.ts';
import { errorOf, makeProcesses, runCli, type Processes } from './process.testkit.ts';

const SECRETS = 450;

interface State {
  readonly key_id: string;
  readonly others: number;
  readonly resealed: number;
  readonly status: string;
  readonly sealed: readonly { readonly table: string; readonly key_id: string; readonly rows: number }[];
}

describe('mosaic keys rotate on a gateway of tier local', () => {
  let processes: Processes;
  let running: GatewayProcess;
  let ready: ReadyGateway;
  let token = '';
  let dataDir = '';
  const env = { FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true' };

  const start = async (): Promise<void> => {
    running = launchGateway({ name: 'work', dataDir, env });
    ready = await running.ready;
  };
  const api = async (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${ready.publicUrl}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const addSecret = async (title: string): Promise<void> => {
    const made = await api('POST', '/api/resources/credentials', { title, secret: `secret of ${title}` });
    expect(made.status).toBe(201);
  };
  const cli = (...args: readonly string[]) =>
    runCli(['keys', 'rotate', ...args, '--url', ready.publicUrl], { env: { MOSAIC_TOKEN: token } });
  const keyFile = (): string => readFileSync(join(dataDir, 'sealing.key'), 'utf8');
  const older = (): string => join(dataDir, 'sealing.older');

  beforeAll(async () => {
    processes = await makeProcesses();
    dataDir = join(processes.folder, 'rotated');
    await mkdir(dataDir);
    await start();
    const setup = await api('POST', '/api/bootstrap/setup', { name: 'root' });
    token = ((await setup.json()) as { token: { text: string } }).token.text;
    for (let at = 0; at < SECRETS; at += 50)
      await Promise.all(Array.from({ length: 50 }, (_, index) => addSecret(`row ${at + index}`)));
  }, 120_000);
  afterAll(async () => {
    await running.stop();
    await processes.close();
  }, 60_000);

  it('--dry-run counts and changes nothing, not even for a person without the right', async () => {
    const before = keyFile();
    const { code, out } = await cli('--dry-run', '--json');
    expect([code, JSON.parse(out)]).toMatchObject([0, { status: 'planned', others: 0 }]);
    expect([keyFile(), existsSync(older())]).toEqual([before, false]);
    const denied = await runCli(['keys', 'rotate', '--json', '--url', ready.publicUrl], {
      env: { MOSAIC_TOKEN: 'mos_nobody' },
    });
    expect([denied.code, errorOf(denied).code, keyFile()]).toEqual([4, 'unauthenticated', before]);
  });

  it('killed with -9 in the middle: starts again, and a second run ends what the first began', async () => {
    const before = keyFile();
    const begun = await api('POST', '/api/admin/keys/rotate', { after: null });
    expect(await begun.json()).toMatchObject({ resealed: 200, next: { table: 'credentials' } });
    expect(keyFile()).not.toBe(before);
    expect(readFileSync(older(), 'utf8')).toBe(before);
    for (const name of ['sealing.key', 'sealing.older'])
      expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
    const underway = keyFile();
    running.kill();
    await running.exited;

    await start();
    await addSecret('written meanwhile');
    const { code, out } = await cli('--json');
    const done = JSON.parse(out) as State;
    expect([code, done.status, done.others]).toEqual([0, 'complete', 0]);
    expect(done.resealed).toBeGreaterThan(200);
    expect(done.sealed.every(({ key_id: id }) => id === done.key_id)).toBe(true);
    expect(done.sealed.find(({ table }) => table === 'credentials')?.rows).toBe(SECRETS + 1);
    // It went on with the key of the first run, and did not make a third.
    expect(keyFile()).toBe(underway);
  });

  it('after the next start the old key is gone, and the gateway serves', async () => {
    expect(existsSync(older())).toBe(true);
    await running.stop();
    await start();
    expect(existsSync(older())).toBe(false);
    expect((await api('GET', '/ready')).status).toBe(200);
    await addSecret('under the new key');
  });

  it('while people write: nothing is lost, and a draft of a killed run is in nobody’s way', async () => {
    writeFileSync(join(dataDir, 'sealing.key.4711'), 'half');
    const writing = Promise.all(Array.from({ length: 40 }, (_, index) => addSecret(`busy ${index}`)));
    const { code, out, err } = await cli('--json');
    await writing;
    expect([code, err]).toEqual([0, '']);
    expect((JSON.parse(out) as State).others).toBe(0);
    const again = (await (await api('GET', '/api/admin/keys')).json()) as State;
    expect(again).toMatchObject({ others: 0 });
    const audit = (await (await api('GET', '/api/admin/audit?limit=200')).json()) as {
      items: readonly { action: string | null; actor_user_id: string | null }[];
    };
    const entries = audit.items.filter(({ action }) => action === 'keys.rotate');
    expect(entries.length).toBeGreaterThanOrEqual(4);
    expect(entries.every(({ actor_user_id: who }) => who !== null)).toBe(true);
  });
});
