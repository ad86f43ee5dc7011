import { describe, expect, it } from 'vitest';
import type { GatewayConfig } from './config.ts';
import { loadConfig } from './load.ts';
import { coreSettings, serverHosts } from './settings.ts';
import { assertSupported } from './supported.ts';

const configOf = (fields: Record<string, unknown> = {}): GatewayConfig =>
  loadConfig({ file: { version: 2, ...fields } }).config;
const listening = (host: string, federation = {}): GatewayConfig =>
  configOf({ listen: { federation: { host } }, federation });

describe('settings of the core', () => {
  it.each([
    ['127.0.0.1', 'https://127.0.0.1:9443'],
    ['0.0.0.0', 'https://localhost:9443'],
    ['::', 'https://localhost:9443'],
    ['::1', 'https://[::1]:9443'],
    ['gateway.example', 'https://gateway.example:9443'],
  ])('listening on %s, peers are told %s', (host, url) => {
    expect(coreSettings(listening(host), 9443)).toMatchObject({ federationUrl: url, enrollmentBaseUrl: url });
  });

  it('what is configured wins, for enrollment too', () => {
    const config = configOf({
      federation: { url: 'https://f.example', enrollment_base_url: 'https://e.example/' },
    });
    expect(coreSettings(config, 1)).toMatchObject({
      federationUrl: 'https://f.example',
      enrollmentBaseUrl: 'https://e.example',
    });
  });

  it('the server certificate names every host that leads here', () => {
    expect(serverHosts(listening('127.0.0.1'))).toEqual(['127.0.0.1', 'localhost', '127.0.0.1']);
    const config = listening('10.0.0.5', {
      url: 'https://f.example:1',
      enrollment_base_url: 'https://e.example',
      server_names: ['more.example'],
    });
    expect(serverHosts(config)).toEqual(['f.example', 'e.example', '10.0.0.5', 'more.example']);
  });
});

describe('what this version can start', () => {
  const services = { database: { url: 'postgres://h/d' }, sealing: { key: 'ab'.repeat(32) } };

  it('local, and standalone with Postgres', () => {
    expect(() => assertSupported(configOf())).not.toThrow();
    expect(() => assertSupported(configOf({ tier: 'standalone', ...services }))).not.toThrow();
  });

  it('not Valkey or step-ca, and says which', () => {
    expect(() =>
      assertSupported(configOf({ tier: 'standalone', ...services, kv: { url: 'valkey://h' } })),
    ).toThrow(/kv\.type: .*Valkey/);
    expect(() =>
      assertSupported(configOf({ tier: 'standalone', ...services, ca: { url: 'https://h' } })),
    ).toThrow(/ca\.type: .*step-ca/);
  });
});
