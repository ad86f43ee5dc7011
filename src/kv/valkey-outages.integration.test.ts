import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandRefused } from './commands.ts';
import { openValkey, openValkeyCommands } from './valkey.ts';
import {
  everythingOf,
  keepingLog,
  realPass,
  startValkey,
  untilWorks,
  VALKEY_PASSWORD,
  VALKEY_USER,
  type RealValkey,
} from './valkey.testkit.ts';

const log = keepingLog();
let server: RealValkey;

beforeAll(async () => {
  server = await startValkey();
});
afterAll(() => server.remove());

describe('valkey: outages (X-71)', () => {
  it('X-71 killed: waiting and new commands fail at once; back: healthy within 10 s, by itself', async () => {
    const own = await startValkey();
    const seen = keepingLog();
    const kv = await openValkey({ url: own.url, log: seen });
    own.pause();
    const waiting = kv.get('k').catch((error: unknown) => error);
    const killedAt = performance.now();
    await own.kill();
    expect(await waiting).toMatchObject({ code: 'unavailable' });
    await expect(kv.ping()).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    expect(performance.now() - killedAt).toBeLessThan(1_000);

    const each = performance.now();
    for (let index = 0; index < 1_000; index += 1) await kv.get('k').catch(() => null);
    expect(performance.now() - each).toBeLessThan(1_000);

    await own.start();
    expect(await untilWorks(() => kv.ping(), 10_000)).toBeLessThan(10_000);
    expect(seen.lines.map((line) => line.split(' {')[0])).toEqual([
      'warn valkey is lost',
      'info valkey is back',
    ]);
    await kv.close();
    await own.remove();
  });

  it('X-71 hung: each command is bounded by its timeout; running again: healthy within 10 s', async () => {
    const own = await startValkey();
    const kv = await openValkey({ url: own.url, log, commandTimeoutMs: 300 });
    own.pause();
    for (let index = 0; index < 10; index += 1) {
      const from = performance.now();
      await expect(kv.take('k', { capacity: 1, refillPerSecond: 1 })).rejects.toMatchObject({
        code: 'unavailable',
      });
      expect(performance.now() - from).toBeLessThan(600);
    }
    const from = performance.now();
    await expect(
      openValkey({ url: own.url, log, connectTimeoutMs: 300, commandTimeoutMs: 300 }),
    ).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - from).toBeLessThan(1_500);
    own.resume();
    expect(await untilWorks(() => kv.ping(), 10_000)).toBeLessThan(10_000);
    await kv.close();
    await own.remove();
  });

  it('X-71 a command whose answer was lost is not sent again', async () => {
    const own = await startValkey();
    const kv = await openValkey({ url: own.url, log, commandTimeoutMs: 300 });
    const bucket = { capacity: 10, refillPerSecond: 0.001 };
    await kv.take('k', bucket);
    own.pause();
    await kv.take('k', bucket).catch(() => null);
    await realPass(1);
    own.resume();
    await untilWorks(() => kv.ping(), 10_000);
    await realPass(0.5);
    expect((await kv.take('k', bucket)).remaining).toBeGreaterThanOrEqual(7);
    await kv.close();
    await own.remove();
  });

  it('closes at once, also while the server is away or hung, and refuses from then on', async () => {
    const own = await startValkey();
    const [first, second] = await Promise.all([
      openValkey({ url: own.url, log }),
      openValkey({ url: own.url, log }),
    ]);
    own.pause();
    const from = performance.now();
    await first.close();
    await own.kill();
    await second.close();
    await second.close();
    expect(performance.now() - from).toBeLessThan(1_500);
    await expect(first.ping()).rejects.toMatchObject({ code: 'unavailable' });
    await own.remove();
  });
});

describe('valkey: refusals to start (X-48)', () => {
  const secrets = ['canary-', 'wrong-password', `${VALKEY_USER}:`];
  const address = (): string => `127.0.0.1:${server.port}`;

  const failure = async (options: { url: string; passwordFile?: string }): Promise<string> => {
    const seen = keepingLog();
    const error: unknown = await openValkey({ ...options, log: seen }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unavailable', detail: undefined });
    const text = everythingOf(error) + seen.lines.join('\n');
    for (const secret of secrets) expect(text).not.toContain(secret);
    const { cause } = error as Error;
    return cause instanceof Error ? cause.message : '';
  };

  it('X-48 a wrong password is named as that, with host and port, without any part of it', async () => {
    expect(await failure({ url: `valkey://mosaic:canary-wrong-password@${address()}` })).toBe(
      `Valkey at ${address()}: it refused the user name or password; check them.`,
    );
  });

  it('X-48 no password where one is wanted', async () => {
    expect(await failure({ url: `valkey://${address()}` })).toMatch(/it wants a password/);
  });

  it('nothing listens', async () => {
    expect(await failure({ url: `valkey://mosaic:${VALKEY_PASSWORD}@127.0.0.1:1` })).toMatch(
      /^Valkey at 127\.0\.0\.1:1: nothing listens there/,
    );
  });

  it('X-48 an error of the server holds no argument and no value', async () => {
    const commands = await openValkeyCommands({ url: server.url, log });
    const error = await commands
      .run(['GET', 'canary-key', 'canary-value'])
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CommandRefused);
    expect(everythingOf(error)).not.toContain('canary-value');
    await commands.close();
  });

  it('takes the password from a file, and a new one at the next connection', async () => {
    const own = await startValkey();
    const url = `valkey://${VALKEY_USER}@127.0.0.1:${own.port}`;
    const kv = await openValkey({ url, passwordFile: own.passwordFile, log });
    await kv.ping();
    writeFileSync(own.passwordFile, 'something-else-entirely');
    await own.kill();
    await own.start();
    await expect(untilWorks(() => kv.ping(), 500)).rejects.toMatchObject({ code: 'unavailable' });
    writeFileSync(own.passwordFile, VALKEY_PASSWORD);
    await untilWorks(() => kv.ping(), 10_000);
    await kv.close();
    await own.remove();
  });
});

describe('valkey: TLS', () => {
  const makeCertificate = (home: string): { certificate: string; key: string } => {
    const [certificate, key] = [join(home, 'server.crt'), join(home, 'server.key')];
    const subject = ['-subj', '/CN=valkey', '-addext', 'subjectAltName=DNS:localhost'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
    const out = ['-keyout', key, '-out', certificate];
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...out], { stdio: 'ignore' });
    return { certificate, key };
  };

  it('is spoken with valkeys:// and rediss://, and only to the server whose certificate is trusted', async () => {
    let ca = '';
    const own = await startValkey({
      args: (port, home) => {
        const { certificate, key } = makeCertificate(home);
        ca = readFileSync(certificate, 'utf8');
        const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'];
        // The plain port stays for the test's own probe, one further on.
        return ['--tls-port', String(port + 1), ...files];
      },
    });
    const tlsUrl = (scheme: string, host: string, port: number): string =>
      `${scheme}://${VALKEY_USER}:${VALKEY_PASSWORD}@${host}:${port}`;
    const reason = async (options: { url: string; tls?: { ca: string } }): Promise<string> => {
      const error: unknown = await openValkey({ ...options, log }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'unavailable' });
      return everythingOf((error as Error).cause);
    };

    for (const scheme of ['valkeys', 'rediss']) {
      const kv = await openValkey({ url: tlsUrl(scheme, 'localhost', own.port + 1), tls: { ca }, log });
      await kv.set('k', Uint8Array.of(1), 5);
      expect(await kv.get('k')).toEqual(Uint8Array.of(1));
      await kv.close();
    }
    expect(await reason({ url: tlsUrl('valkeys', 'localhost', own.port + 1) })).toMatch(/not trusted/);
    expect(await reason({ url: tlsUrl('valkeys', '127.0.0.1', own.port + 1), tls: { ca } })).toMatch(
      /not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    );
    expect(await reason({ url: tlsUrl('valkeys', 'localhost', own.port), tls: { ca } })).not.toContain(
      'canary',
    );
    await own.remove();
  });
});
