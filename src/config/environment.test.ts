import { describe, expect, it } from 'vitest';
import { DEPRECATED_VARIABLES, ENVIRONMENT } from './environment.ts';
import { ConfigError } from './issues.ts';
import { configJsonSchema } from './json-schema.ts';
import { loadConfig } from './load.ts';

const KEY = 'ab'.repeat(32);
const files: Readonly<Record<string, string>> = {
  '/run/key': `${KEY}\n`,
  '/run/db': ' postgres://u:p@h/d \n',
  '/run/empty': '\n',
};
const readFile = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
  return text;
};

const leaves = (schema: unknown, prefix = ''): readonly string[] => {
  const properties = (schema as { properties?: Record<string, unknown> }).properties;
  if (properties === undefined) return [prefix];
  return Object.entries(properties).flatMap(([key, value]) =>
    leaves(value, prefix === '' ? key : `${prefix}.${key}`),
  );
};

describe('configuration: environment', () => {
  it('has a variable for every field, and a field for every variable', () => {
    const secrets = ENVIRONMENT.filter(({ secret }) => secret === true).map(({ path }) => `${path}_file`);
    const reachable = [...ENVIRONMENT.map(({ path }) => path), ...secrets, '$schema', 'version'];
    expect([...leaves(configJsonSchema())].sort()).toEqual(reachable.sort());
  });

  it('names no variable twice', () => {
    expect(new Set(ENVIRONMENT.map(({ variable }) => variable)).size).toBe(ENVIRONMENT.length);
  });

  it('wins over the file', () => {
    const file = {
      version: 2,
      gateway: { name: 'file' },
      listen: { public: { port: 1 } },
      federation: { server_names: ['x'] },
    };
    const env = {
      MOSAIC_GATEWAY_NAME: 'env',
      MOSAIC_PUBLIC_PORT: '0',
      FEDERATION_SERVER_NAMES: 'a.example, 10.0.0.1',
    };
    const { config } = loadConfig({ file, env });
    expect(config.gatewayName).toBe('env');
    expect(config.publicListener.port).toBe(0);
    expect(config.federation.serverNames).toEqual(['a.example', '10.0.0.1']);
  });

  it('wins with the whole choice of a listener, not with half of it', () => {
    const url = { federation: { url: 'https://a' } };
    const socket = loadConfig({
      file: { version: 2, ...url, listen: { federation: { port: 1 } } },
      env: { MOSAIC_FEDERATION_SOCKET: '/s' },
    });
    expect(socket.config.federationListener).toEqual({ kind: 'socket', path: '/s', frontSecret: null });
    const tcp = loadConfig({
      file: { version: 2, ...url, listen: { federation: { socket: '/s' } } },
      env: { MOSAIC_FEDERATION_PORT: '5' },
    });
    expect(tcp.config.federationListener).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 5 });
    const both = { MOSAIC_FEDERATION_PORT: '5', MOSAIC_FEDERATION_SOCKET: '/s' };
    expect(() => loadConfig({ file: { version: 2, ...url }, env: both })).toThrow(/one of the two/);
  });

  it('wins with the whole choice of the public listener, too', () => {
    const { config } = loadConfig({
      file: { version: 2, listen: { public: { port: 1 } }, federation: { enrollment_base_url: 'https://a' } },
      env: { MOSAIC_PUBLIC_SOCKET: '/p' },
    });
    expect(config).toMatchObject({ publicSocket: '/p', publicListener: { port: 8080 } });
  });

  it.each(['true', '1'])('reads %s as true', (text) => {
    expect(
      loadConfig({ env: { FEDERATION_ALLOW_PRIVATE_ADDRESSES: text } }).config.federation
        .allowPrivateAddresses,
    ).toBe(true);
  });

  it.each(['false', '0', ''])('reads %j as false', (text) => {
    expect(
      loadConfig({ env: { FEDERATION_ALLOW_PRIVATE_ADDRESSES: text } }).config.federation
        .allowPrivateAddresses,
    ).toBe(false);
  });

  it.each(['yes', 'TRUE', '2'])('refuses %s as a truth', (text) => {
    expect(() => loadConfig({ env: { FEDERATION_ALLOW_PRIVATE_ADDRESSES: text } })).toThrow(
      'FEDERATION_ALLOW_PRIVATE_ADDRESSES (federation.allow_private_addresses): is not valid; expected true or false',
    );
  });

  it.each([
    ['300s', 300],
    ['5m', 300],
    ['12h', 43_200],
    ['365d', 31_536_000],
  ])('reads the lifetime %s as %i seconds', (text, seconds) => {
    expect(
      loadConfig({ env: { FEDERATION_LEAF_LIFETIME: text } }).config.federation.leafLifetimeSeconds,
    ).toBe(seconds);
  });

  it('an empty variable counts as not set', () => {
    expect(loadConfig({ env: { MOSAIC_TIER: '', MOSAIC_PUBLIC_PORT: '' } }).config.publicListener.port).toBe(
      8080,
    );
  });
});

describe('configuration: secrets from files', () => {
  it('reads them, without the line end', () => {
    const env = {
      MOSAIC_TIER: 'standalone',
      DATABASE_URL_FILE: '/run/db',
      DATABASE_PEERS_URL: 'postgres://p:p@h/d',
      MOSAIC_SEALING_KEY_FILE: '/run/key',
    };
    const { config } = loadConfig({ env, readFile });
    expect(config.databaseUrl).toBe('postgres://u:p@h/d');
    expect(config.sealingKey).toEqual(new Uint8Array(32).fill(0xab));
  });

  it('reads those the file names', () => {
    const { config } = loadConfig({ file: { version: 2, sealing: { key_file: '/run/key' } }, readFile });
    expect(config.sealingKey).toHaveLength(32);
  });

  it('a file in the environment displaces a value in the file, and the other way round', () => {
    const other = 'cd'.repeat(32);
    const fromFile = loadConfig({
      file: { version: 2, sealing: { key: other } },
      env: { MOSAIC_SEALING_KEY_FILE: '/run/key' },
      readFile,
    });
    expect(fromFile.config.sealingKey?.[0]).toBe(0xab);
    const direct = loadConfig({
      file: { version: 2, sealing: { key_file: '/run/absent' } },
      env: { MOSAIC_SEALING_KEY: other },
      readFile,
    });
    expect(direct.config.sealingKey?.[0]).toBe(0xcd);
  });

  it.each([
    [
      { MOSAIC_SEALING_KEY_FILE: '/absent' },
      'MOSAIC_SEALING_KEY_FILE (sealing.key_file): names a file that cannot be read: it does not exist',
    ],
    [
      { MOSAIC_SEALING_KEY_FILE: '/run/empty' },
      'MOSAIC_SEALING_KEY_FILE (sealing.key_file): names an empty file',
    ],
    [{ MOSAIC_SEALING_KEY_FILE: '/run/db' }, 'MOSAIC_SEALING_KEY_FILE (sealing.key): is not valid'],
    [
      { MOSAIC_SEALING_KEY_FILE: '/run/key', MOSAIC_SEALING_KEY: KEY },
      'is set together with MOSAIC_SEALING_KEY_FILE',
    ],
  ])('refuses %j', (env, message) => {
    expect(() => loadConfig({ env, readFile })).toThrow(ConfigError);
    expect(() => loadConfig({ env, readFile })).toThrow(message);
  });

  it('refuses a file beside the value in one document', () => {
    expect(() =>
      loadConfig({ file: { version: 2, sealing: { key: KEY, key_file: '/run/key' } }, readFile }),
    ).toThrow(/one of the two/);
  });
});

describe('configuration: deprecated names', () => {
  const standalone = {
    DATABASE_URL: 'postgres://h/d',
    DATABASE_PEERS_URL: 'postgres://p@h/d',
    MOSAIC_SEALING_KEY: KEY,
  };

  it('tier team, in the file and in the environment', () => {
    const inFile = loadConfig({ file: { version: 2, tier: 'team' }, env: standalone });
    expect(inFile.config.tier).toBe('standalone');
    expect(inFile.warnings).toEqual(['tier: "team" is deprecated: use "standalone".']);
    const inEnv = loadConfig({ env: { ...standalone, MOSAIC_TIER: 'team' } });
    expect(inEnv.warnings).toEqual(['MOSAIC_TIER: "team" is deprecated: use "standalone".']);
  });

  it('queue for kv', () => {
    const file = { version: 2, tier: 'standalone', queue: { type: 'valkey', url: 'valkey://h' } };
    const { config, warnings } = loadConfig({ file, env: standalone });
    expect(config.kv).toMatchObject({ type: 'valkey', url: 'valkey://h' });
    expect(warnings).toEqual(['queue is deprecated: use kv.']);
    expect(() => loadConfig({ file: { ...file, kv: {} }, env: standalone })).toThrow(/kv alone/);
  });

  it('REDIS_URL for VALKEY_URL, which wins', () => {
    const env = { ...standalone, MOSAIC_TIER: 'standalone', REDIS_URL: 'redis://old' };
    expect(loadConfig({ env }).config.kv).toMatchObject({ url: 'redis://old' });
    expect(loadConfig({ env }).warnings).toEqual(['REDIS_URL is deprecated: use VALKEY_URL.']);
    const both = loadConfig({ env: { ...env, VALKEY_URL: 'valkey://new' } });
    expect(both.config.kv).toMatchObject({ url: 'valkey://new' });
    expect(both.warnings).toEqual(['REDIS_URL is deprecated and ignored, because VALKEY_URL is set.']);
  });

  it('each names a variable that exists', () => {
    const names = new Set(ENVIRONMENT.flatMap(({ variable }) => [variable, `${variable}_FILE`]));
    expect(Object.values(DEPRECATED_VARIABLES).filter((name) => !names.has(name))).toEqual([]);
  });
});
