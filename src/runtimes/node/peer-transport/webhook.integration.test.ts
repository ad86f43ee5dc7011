import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTestDeps, type TestDeps } from '../../../app/deps.testkit.ts';
import { issueServerCertificate } from '../front/server-certificate.ts';
import { createWebhook } from './webhook.ts';

let deps: TestDeps;
let ca: string;
let url: string;
let server: ReturnType<typeof createServer>;
const received: { readonly path: string | undefined; readonly body: string }[] = [];
let answer = { status: 204, headers: {} as Record<string, string> };

beforeAll(async () => {
  deps = await makeTestDeps();
  ca = await deps.ca.rootPem();
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const { chain, key } = await issueServerCertificate(deps, names);
  server = createServer({ cert: chain, key }, (incoming, outgoing) => {
    const parts: Uint8Array[] = [];
    incoming.on('data', (part: Uint8Array) => parts.push(part));
    incoming.on('end', () => {
      received.push({ path: incoming.url, body: Buffer.concat(parts).toString() });
      outgoing.writeHead(answer.status, answer.headers).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  server.close();
  await deps.close();
});

const post = (over: Partial<Parameters<typeof createWebhook>[0]> = {}): Promise<number> =>
  createWebhook({ url, allowPrivateAddresses: true, ca, ...over })(
    '{"alert":"a"}',
    AbortSignal.timeout(5_000),
  );

describe('the alert webhook', () => {
  it('posts the alert', async () => {
    expect(await post()).toBe(204);
    expect(received).toEqual([{ path: '/hook', body: '{"alert":"a"}' }]);
  });

  it('follows no redirect', async () => {
    const before = received.length;
    answer = { status: 307, headers: { location: `${url}/elsewhere` } };
    expect(await post()).toBe(307);
    answer = { status: 204, headers: {} };
    expect(received).toHaveLength(before + 1);
  });

  it('X-63 calls no private address unless that is configured, whatever a name resolves to', async () => {
    const before = received.length;
    await expect(post({ allowPrivateAddresses: false })).rejects.toMatchObject({ code: 'address_refused' });
    const { port } = new URL(url);
    const rebound = {
      url: `https://hooks.example:${port}/`,
      allowPrivateAddresses: false,
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    };
    await expect(post(rebound)).rejects.toThrow('fetch failed');
    await expect(post({ url: url.replace('https:', 'http:') })).rejects.toMatchObject({
      code: 'address_refused',
    });
    expect(received).toHaveLength(before);
  });

  it('does not send to a receiver that the authorities do not vouch for', async () => {
    const before = received.length;
    const { ca: _, ...rest } = { url, allowPrivateAddresses: true, ca };
    await expect(createWebhook(rest)('{}', AbortSignal.timeout(5_000))).rejects.toThrow('fetch failed');
    expect(received).toHaveLength(before);
  });
});
