import { getHeapSnapshot } from 'node:v8';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CertificateAuthority } from '../../../../ca/authority.ts';
import type { PeerClient } from '../../../app/deps.ts';
import { createAuthority, issueClient } from '../front/front.testkit.ts';
import { createNodeTransport, type NodeTransport } from './transport.ts';
import { httpsServer, type Watched } from './transport.testkit.ts';

let ca: CertificateAuthority;
let server: Watched;
let transport: NodeTransport;

beforeAll(async () => {
  ca = await createAuthority();
  const tls = { requestCert: true, ca: await ca.rootPem() };
  server = await httpsServer(ca, (_request, response) => void response.end('{}'), tls);
  transport = createNodeTransport({
    allowPrivateAddresses: true,
    allowLoopbackHttp: false,
    timeoutMs: 5_000,
  });
});
afterAll(async () => {
  await transport.close();
  await server.close();
});

/** A canary as numbers: a text of it would be found. */
const codesOf = (text: string): readonly number[] => Array.from(text, (char) => char.codePointAt(0) ?? 0);

/** In use, with nothing left here of what it was made of but numbers. */
const inUse = async (): Promise<{
  readonly client: PeerClient;
  readonly key: readonly number[];
  readonly certificate: readonly number[];
}> => {
  const { cert, key } = await issueClient(ca);
  const client = transport.connect({ caPem: await ca.rootPem(), certPem: cert, keyPem: key });
  const answer = await client.fetch(`${server.url}/`);
  await answer.body?.cancel();
  const lineOf = (pem: string): readonly number[] => codesOf(pem.split('\n')[2]?.slice(0, 48) ?? '');
  return { client, key: lineOf(key), certificate: lineOf(cert) };
};

/** Whether the heap of this process holds these texts. */
const heapHolds = async (texts: readonly (readonly number[])[]): Promise<readonly boolean[]> => {
  const parts: Buffer[] = [];
  for await (const part of getHeapSnapshot()) parts.push(part as Buffer);
  const heap = Buffer.concat(parts);
  return texts.map((codes) => heap.includes(Buffer.from(codes)));
};

it('X-48 the private key a peer is asked with is in no text of the heap while it is in use', async () => {
  const { client, key, certificate } = await inUse();
  const kept = String.fromCodePoint(...codesOf('a canary that is '), ...codesOf('in the heap'));
  expect(await heapHolds([key, codesOf(kept)])).toEqual([false, true]);
  expect([key.length, certificate.length]).toEqual([48, 48]);
  expect((await client.fetch(`${server.url}/`)).status).toBe(200);
  expect(kept).toContain('canary');
}, 120_000);
