import { describe, expect, it } from 'vitest';
import type { GatewayConfig } from './config.ts';
import { loadConfig } from './load.ts';
import { coreSettings, serverHosts } from './settings.ts';
import { assertSupported, PLAIN } from './supported.ts';

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

  it.each(['[::1]', '::1', '[2001:db8::1]'])(
    'F-37 listens on %s without the brackets that a socket does not take',
    (host) => {
      const config = configOf({
        listen: { public: { host }, federation: { host } },
        telemetry: { metrics: { host, port: 9, token: 'a'.repeat(32) } },
      });
      const bare = host.replaceAll(/[[\]]/g, '');
      expect(config.publicListener).toMatchObject({ host: bare });
      expect(config.federationListener).toMatchObject({ host: bare });
      expect(config.telemetry?.metrics?.listener).toMatchObject({ host: bare });
    },
  );

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

describe('what a runtime can start', () => {
  const services = {
    database: { url: 'postgres://h/d', peers_url: 'postgres://p@h/d' },
    sealing: { key: 'ab'.repeat(32) },
  };
  const stepCa = {
    url: 'https://h',
    root_cert_path: 'r',
    intermediate_cert_path: 'i',
    root_crl_path: 'c',
    provisioner_key: 'f',
    tls_provisioner_key: 't',
  };
  const standalone = (fields: Record<string, unknown> = {}): GatewayConfig =>
    configOf({ tier: 'standalone', ...services, ...fields });

  it('local, and standalone with Postgres', () => {
    expect(() => assertSupported(configOf())).not.toThrow();
    expect(() => assertSupported(standalone())).not.toThrow();
  });

  it('not what it has no adapter for, and says which', () => {
    expect(() => assertSupported(standalone({ kv: { url: 'valkey://h' } }))).toThrow(/kv\.type: .*valkey/);
    const bridge = { type: 'upstash', rest_url: 'https://bridge', rest_token: 't' };
    expect(() => assertSupported(standalone({ kv: bridge }))).not.toThrow();
    expect(() => assertSupported(standalone({ kv: { url: 'valkey://h' } }))).toThrow(
      /the bridge over a Valkey/,
    );
    expect(() => assertSupported(standalone({ ca: stepCa }))).toThrow(/ca\.type: .*step-ca/);
    const listen = { public: { socket: '/p' } };
    const federation = { enrollment_base_url: 'https://a' };
    expect(() => assertSupported(standalone({ listen, federation }))).toThrow(/listen\.public\.socket/);
    const ability = {
      tiers: ['standalone'],
      kv: ['memory', 'valkey'],
      ca: ['step-ca'],
      publicSocket: true,
    } as const;
    const all = standalone({ kv: { url: 'valkey://h' }, ca: stepCa, listen, federation });
    expect(() => assertSupported(all, ability)).not.toThrow();
    expect(() => assertSupported(configOf(), ability)).toThrow(/tier: .*local/);
  });

  it('no telemetry where there is none, and only where it is configured', () => {
    const watched = standalone({ telemetry: { otlp: { endpoint: 'https://collector' } } });
    expect(() => assertSupported(watched)).toThrow(/telemetry: .*OTEL_SDK_DISABLED/);
    expect(() => assertSupported(watched, { ...PLAIN, telemetry: true })).not.toThrow();
    expect(() => assertSupported(standalone({ telemetry: { disabled: true } }))).not.toThrow();
  });
});
