import { describe, expect, it } from 'vitest';
import { ConfigError } from './issues.ts';
import { loadConfig } from './load.ts';

const telemetryOf = (env: Readonly<Record<string, string>>, telemetry?: unknown) =>
  loadConfig({ env, ...(telemetry === undefined ? {} : { file: { version: 2, telemetry } }) }).config
    .telemetry;

const faultsOf = (env: Readonly<Record<string, string>>, telemetry?: unknown): readonly string[] => {
  try {
    telemetryOf(env, telemetry);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues.map(({ path }) => path);
  }
};

describe('configuration: telemetry', () => {
  it('is off with nothing configured, and off when it is disabled whatever else is', () => {
    expect(telemetryOf({})).toBeNull();
    expect(telemetryOf({ OTEL_TRACES_SAMPLER_ARG: '1', OTEL_SERVICE_NAME: 'x' })).toBeNull();
    const all = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', MOSAIC_METRICS_PORT: '1' };
    expect(telemetryOf({ ...all, OTEL_SDK_DISABLED: 'true' })).toBeNull();
  });

  it('an endpoint alone sends traces and metrics, one request in ten', () => {
    expect(telemetryOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/base/' })).toEqual({
      serviceName: null,
      otlp: { endpoint: 'http://collector:4318/base/', protocol: 'http/protobuf', headers: {} },
      traces: { ratio: 0.1, followedPerSecond: 10, delayMs: 5_000 },
      metrics: { isPushed: true, intervalMs: 60_000, listener: null, token: null },
    });
  });

  it('each of the two can be left out, by the standard’s names', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c' };
    expect(telemetryOf({ ...env, OTEL_TRACES_EXPORTER: 'none' })?.traces).toBeNull();
    expect(telemetryOf({ ...env, OTEL_METRICS_EXPORTER: 'none' })?.metrics).toBeNull();
    const none = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' };
    expect(telemetryOf({ ...env, ...none })).toBeNull();
  });

  it('a port alone serves /metrics on loopback and sends nothing', () => {
    expect(telemetryOf({ MOSAIC_METRICS_PORT: '9464' })).toEqual({
      serviceName: null,
      otlp: null,
      traces: null,
      metrics: {
        isPushed: false,
        intervalMs: 60_000,
        listener: { kind: 'tcp', host: '127.0.0.1', port: 9464 },
        token: null,
      },
    });
  });

  it('reads headers as the standard writes them, and from a file', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c', OTEL_EXPORTER_OTLP_HEADERS_FILE: '/h' };
    const { config } = loadConfig({ env, readFile: () => 'Authorization=Bearer%20a%3Db, x-team=t\n' });
    expect(config.telemetry?.otlp?.headers).toEqual({ authorization: 'Bearer a=b', 'x-team': 't' });
  });

  it('X-80 an address that others reach needs a token', () => {
    const token = 't'.repeat(32);
    for (const host of ['0.0.0.0', '10.0.0.1', 'gateway', '::', '127.0.0.1.example.org'])
      expect(faultsOf({}, { metrics: { host, port: 9464 } })).toEqual(['telemetry.metrics.token']);
    expect(faultsOf({}, { metrics: { host: '0.0.0.0', port: 9464, token } })).toEqual([]);
    for (const host of ['localhost', '127.0.0.1', '127.3.2.1', '::1'])
      expect(faultsOf({}, { metrics: { host, port: 9464 } })).toEqual([]);
  });

  it.each([
    ['telemetry.otlp.endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }],
    ['telemetry.otlp.endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:canary@collector' }],
    ['telemetry.otlp.endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector/?key=canary' }],
    ['telemetry.otlp.endpoint', { OTEL_EXPORTER_OTLP_HEADERS: 'a=canary' }],
    ['telemetry.otlp.protocol', { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
    ['telemetry.otlp.headers', { OTEL_EXPORTER_OTLP_HEADERS: 'canary' }],
    ['telemetry.otlp.headers', { OTEL_EXPORTER_OTLP_HEADERS: 'a=canary%0d%0ab: c' }],
    ['telemetry.otlp.headers', { OTEL_EXPORTER_OTLP_HEADERS: 'a=%canary' }],
    ['telemetry.traces.sample_ratio', { OTEL_TRACES_SAMPLER_ARG: '1.5' }],
    ['telemetry.traces.sample_ratio', { OTEL_TRACES_SAMPLER_ARG: '10%' }],
    ['telemetry.traces.sample_ratio', { OTEL_TRACES_SAMPLER_ARG: '1e-3' }],
    ['telemetry.traces.exporter', { OTEL_TRACES_EXPORTER: 'console' }],
    ['telemetry.metrics.token', { MOSAIC_METRICS_TOKEN: 'canary' }],
    ['telemetry.metrics.port', { MOSAIC_METRICS_HOST: '127.0.0.1' }],
  ])('refuses a bad %s by its path, and never shows the value (%j)', (path, env) => {
    expect(faultsOf(env)).toEqual([path]);
    expect(() => loadConfig({ env })).toThrow(expect.not.stringContaining('canary') as string);
  });
});
