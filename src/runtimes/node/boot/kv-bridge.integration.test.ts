import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUpstashKeyValue } from '../../../kv/upstash.ts';
import { startValkey, type RealValkey } from '../../../kv/valkey.testkit.ts';

const ENTRY = fileURLToPath(new URL('kv-bridge.ts', import.meta.url));
const TOKEN = 'canary-bridge-token-0123456789abcdef';

let server: RealValkey;
beforeAll(async () => {
  server = await startValkey();
});
afterAll(() => server.remove());

const run = (env: Record<string, string>) => {
  const child = spawn(process.execPath, [ENTRY], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const url = (): string | undefined => /"url":"([^"]+)"/.exec(output)?.[1];
  return { child, exited, url, output: () => output };
};

describe('the REST bridge as a process', () => {
  it('serves a Valkey with secrets from files, says no secret, and ends in order', async () => {
    const tokenFile = join(dirname(server.passwordFile), 'token');
    writeFileSync(tokenFile, `${TOKEN}\n`);
    const bridge = run({
      VALKEY_URL: `valkey://mosaic@127.0.0.1:${server.port}`,
      VALKEY_PASSWORD_FILE: server.passwordFile,
      KV_BRIDGE_TOKEN_FILE: tokenFile,
      KV_BRIDGE_PORT: '0',
    });
    await expect.poll(bridge.url, { timeout: 15_000 }).toBeDefined();
    const kv = createUpstashKeyValue({ url: bridge.url() ?? '', token: TOKEN });
    await kv.set('k', Uint8Array.of(1, 2, 3), 10);
    expect(await kv.get('k')).toEqual(Uint8Array.of(1, 2, 3));
    bridge.child.kill('SIGTERM');
    expect(await bridge.exited).toBe(0);
    expect(bridge.output()).not.toContain('canary');
  });

  it('F-43 takes an empty variable for one that is not set: loopback, and the port of the documentation', async () => {
    const bridge = run({
      VALKEY_URL: `valkey://mosaic@127.0.0.1:${server.port}`,
      VALKEY_PASSWORD_FILE: server.passwordFile,
      VALKEY_CA_FILE: '',
      KV_BRIDGE_TOKEN: TOKEN,
      KV_BRIDGE_TOKEN_FILE: '',
      KV_BRIDGE_HOST: '',
      KV_BRIDGE_PORT: '',
      KV_BRIDGE_TLS_CERT_FILE: '',
      KV_BRIDGE_TLS_KEY_FILE: '',
    });
    await expect.poll(() => bridge.output(), { timeout: 30_000 }).toMatch(/listening|8079/);
    // Either it listens there, or it says that another program does.
    expect(bridge.url() ?? 'http://127.0.0.1:8079').toBe('http://127.0.0.1:8079');
    bridge.child.kill('SIGHUP');
    expect([0, 1]).toContain(await bridge.exited);
  });

  it.each([
    [
      'Valkey does not answer',
      { VALKEY_URL: 'valkey://u:canary@127.0.0.1:1' },
      /127\.0\.0\.1:1: nothing listens/,
    ],
    ['the address is none', { VALKEY_URL: 'canary' }, /address of Valkey/],
    ['the token is missing', { KV_BRIDGE_TOKEN: '' }, /KV_BRIDGE_TOKEN/],
    ['the token is short', { KV_BRIDGE_TOKEN: 'canary' }, /32 characters/],
    ['a file is missing', { VALKEY_CA_FILE: '/nowhere' }, /VALKEY_CA_FILE names a file/],
    ['the port is none', { KV_BRIDGE_PORT: 'x' }, /KV_BRIDGE_PORT/],
    ['the port is blank', { KV_BRIDGE_PORT: ' ' }, /KV_BRIDGE_PORT/],
    ['half of the TLS files is missing', { KV_BRIDGE_TLS_CERT_FILE: ENTRY }, /go together/],
  ])('M1-2 does not start, and says why, when %s', async (_, change, reason) => {
    const bridge = run({ VALKEY_URL: server.url, KV_BRIDGE_TOKEN: TOKEN, KV_BRIDGE_PORT: '0', ...change });
    expect(await bridge.exited).toBe(1);
    expect(bridge.output()).toMatch(reason);
    expect(bridge.output()).not.toContain('canary');
  });
});
