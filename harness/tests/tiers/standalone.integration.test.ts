import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StepCaConfig } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { issueClient, type ClientCertificate } from '../../../src/runtimes/node/front/front.testkit.ts';
import { startGateway, type RunningGateway } from '../../../src/runtimes/node/boot/start.ts';
import { openStepCa, type OpenedStepCa } from '../../../src/runtimes/node/step-ca/step-ca.ts';
import { readFileSync } from 'node:fs';
import { startServices, type Services } from './services.ts';

let services: Services;
let gateway: RunningGateway;
let stepCa: OpenedStepCa;

beforeAll(async () => {
  services = await startServices();
  const all = services.environment('standalone');
  const { MOSAIC_FEDERATION_SOCKET: _socket, MOSAIC_FRONT_DIRECTORY: _front, ...rest } = all;
  const { FEDERATION_URL: _url, FEDERATION_ENROLLMENT_BASE_URL: _base, ...env } = rest;
  const { config } = loadConfig({
    env: { ...env, MOSAIC_TIER: 'standalone', MOSAIC_FEDERATION_PORT: '0', MOSAIC_LOG_LEVEL: 'silent' },
    readFile: (path) => readFileSync(path, 'utf8'),
  });
  gateway = await startGateway(config);
  stepCa = await openStepCa(config.ca as StepCaConfig);
});
afterAll(async () => {
  await stepCa.close();
  await gateway.stop();
  await services.stop();
});

const ask = (client: ClientCertificate | null): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const { rootPem: ca, intermediatePem } = stepCa.files;
    const identity = client === null ? {} : { cert: `${client.cert}${intermediatePem}`, key: client.key };
    const options = { ca, agent: false, ...identity };
    const asked = request(`${gateway.federationUrl}/federation/v1/capabilities`, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end();
  });

describe('tier standalone with Valkey and step-ca, its own TLS front', () => {
  it('shows a certificate of that authority, and asks for one', async () => {
    const { status, text } = await ask(null);
    expect([status, text]).toEqual([401, expect.stringContaining('certificate_required')]);
  });

  it('accepts its certificates by chain and both lists, until one is revoked', async () => {
    const client = await issueClient(stepCa.authority);
    // Through TLS, to the handler, which knows no such grant.
    expect(await ask(client)).toEqual({
      status: 403,
      text: expect.stringContaining('grant_unknown') as string,
    });
    // As the revocation worker does.
    await gateway.deps.ca.revoke(client.serial, 'cessation_of_operation', new Date());
    await gateway.deps.refreshFront?.();
    const { status, text } = await ask(client);
    expect([status, text]).toEqual([401, expect.stringContaining('was revoked')]);
  });

  it('keeps its buckets in Valkey', async () => {
    const bucket = { capacity: 1, refillPerSecond: 0.001 };
    expect((await gateway.deps.kv.take('tiers', bucket)).allowed).toBe(true);
    expect((await gateway.deps.kv.take('tiers', bucket)).allowed).toBe(false);
  });
});
