import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadConfig } from '../../../config/load.ts';
import { startGateway } from './start.ts';
import { isSetupOpen, setupTokenIn } from './setup-token.ts';

const quiet = (): void => undefined;
const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const folder = mkdtempSync(join(tmpdir(), 'mosaic-setup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('F-44 a gateway that others reach keeps its setup token for its user alone, and until there is an administrator', async () => {
  const dataDir = join(folder, 'data');
  const { config } = loadConfig({
    file: {
      version: 2,
      data_dir: dataDir,
      listen: { public: { host: '0.0.0.0', port: 0 }, federation: { port: 0 } },
    },
  });
  const file = join(dataDir, 'setup-token');
  const gateway = await startGateway(config, { log: silent });
  try {
    const token = gateway.setupToken ?? '';
    expect([readFileSync(file, 'utf8').trim(), setupTokenIn(config)]).toEqual([token, token]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const setUp = async (more: object): Promise<number> => {
      const response = await fetch(`${gateway.publicUrl}/api/bootstrap/setup`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'root', ...more }),
      });
      await response.body?.cancel();
      return response.status;
    };
    // The host that a request names is anybody's to choose.
    expect(await setUp({})).toBe(403);
    expect(await setUp({ setup_token: `${token}x` })).toBe(403);
    expect(await setUp({ setup_token: token })).toBe(201);
    expect(await setUp({ setup_token: token })).toBe(409);
  } finally {
    await gateway.stop();
  }
  const again = await startGateway(config, { log: silent });
  expect([again.setupToken, existsSync(file)]).toEqual([null, false]);
  await again.stop();
});

it.each([
  ['https://127.0.0.1:8080', true],
  ['https://[::1]:8080', true],
  ['https://localhost:8080', true],
  ['https://work.example.org', false],
] as const)('F-44 on loopback, with enrollment URLs below %s, setup without a token: %s', (url, isOpen) => {
  const { config } = loadConfig({ file: { version: 2, federation: { enrollment_base_url: url } } });
  expect(isSetupOpen(config)).toBe(isOpen);
});
