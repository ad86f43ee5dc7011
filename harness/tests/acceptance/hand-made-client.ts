import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { must, type Body, type Reachable } from './world.ts';

const run = promisify(execFile);

export interface HandMadeClient {
  readonly grantId: string;
  readonly folder: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** One request over mutual TLS on a connection of its own. */
  get(
    pathname: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; headers: Record<string, unknown>; body: Body }>;
  remove(): Promise<void>;
}

/** One HTTPS request with explicit TLS material; rejects when the connection breaks. */
export const tlsGet = (
  url: string,
  tls: { readonly ca: string; readonly cert?: string; readonly key?: string },
  headers: OutgoingHttpHeaders = {},
): Promise<{ status: number; headers: Record<string, unknown>; body: Body }> =>
  new Promise((resolve, reject) => {
    const request = https.request(url, { ...tls, headers, agent: false }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = (response.headers['content-type'] ?? '').includes('json');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: (isJson ? JSON.parse(text) : text) as Body,
        });
      });
    });
    request.on('error', reject);
    request.end();
  });

const parts = (enrollmentUrl: string): { endpoint: string; token: string } => {
  const url = new URL(enrollmentUrl);
  const token = new URLSearchParams(url.hash.slice(1)).get('token') ?? '';
  return { endpoint: `${url.origin}${url.pathname}/redeem`, token };
};

/** A new P-256 key and a certificate request, without any name unless options say so, by OpenSSL. */
export const makeRequest = async (
  keyFile: string,
  csrFile: string,
  options: readonly string[] = ['-subj', '/'],
): Promise<void> => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  await run('openssl', ['req', '-new', ...options, ...key, '-out', csrFile]);
};

/**
 * Enrolls without any of our code: OpenSSL makes the key and the CSR, curl redeems the token. Proves that the
 * protocol, not our client, is what works.
 */
export const enrollByHand = async (
  work: Reachable,
  grant: {
    readonly user: string;
    readonly peer: string;
    readonly scope: unknown;
    readonly approveSensitive?: boolean;
  },
): Promise<HandMadeClient> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'mosaic-hand-'));
  const file = (name: string): string => path.join(folder, name);
  const created = await must(201, work, '/api/admin/grants', {
    body: {
      user: grant.user,
      peer: grant.peer,
      scope: grant.scope,
      ...(grant.approveSensitive === true ? { approve_sensitive: true } : {}),
    },
  });
  await makeRequest(file('key.pem'), file('csr.pem'));
  const rootPem = await (await (work.fetch ?? fetch)(`${work.publicUrl}/pki/root.pem`)).text();
  await writeFile(file('ca.pem'), rootPem);
  const { endpoint, token } = parts(created.enrollment.url);
  await writeFile(file('body.json'), JSON.stringify({ token, csr: await readFile(file('csr.pem'), 'utf8') }));
  const { stdout } = await run('curl', [
    '--silent',
    '--show-error',
    '--fail-with-body',
    '--cacert',
    file('ca.pem'),
    '-H',
    'content-type: application/json',
    '--data',
    `@${file('body.json')}`,
    endpoint,
  ]);
  const redeemed = JSON.parse(stdout) as Body;
  await writeFile(file('cert.pem'), redeemed.certificate);
  const tls = { ca: rootPem, cert: redeemed.certificate, key: await readFile(file('key.pem'), 'utf8') };
  return {
    grantId: created.grant.id,
    folder,
    certFile: file('cert.pem'),
    keyFile: file('key.pem'),
    caFile: file('ca.pem'),
    get: (pathname, headers) => tlsGet(`${work.federationUrl}${pathname}`, tls, headers),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

/** `curl --cert …` against the federation listener: status, headers and body as curl saw them. */
export const curlWith = async (
  client: HandMadeClient,
  url: string,
): Promise<{ status: number; body: Body }> => {
  const { stdout } = await run('curl', [
    '--silent',
    '--show-error',
    '--cacert',
    client.caFile,
    '--cert',
    client.certFile,
    '--key',
    client.keyFile,
    '-w',
    '\n%{http_code}',
    url,
  ]);
  const cut = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(cut + 1)), body: JSON.parse(stdout.slice(0, cut)) as Body };
};
