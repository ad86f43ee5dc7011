import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Agent, fetch as undiciFetch } from 'undici';
import type { CertificateAuthority } from '../../../ca/authority.ts';
import { createStepCaAuthority } from '../../../ca/step-ca/authority.ts';
import { readProvisionerKey } from '../../../ca/step-ca/provisioner-key.ts';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { clientProfile, requestFor } from '../../../ca/testing/requests.testkit.ts';
import { authorityFiles } from '../../devstack/stack/gateway.ts';
import type { StackState } from '../../devstack/stack/state.ts';

/** What it signs instead of what it is asked for; null: it passes on the truth. */
export type Lie = 'key' | 'extension' | 'usage' | 'issuer' | null;

export interface LyingAuthority {
  readonly url: string;
  tell(lie: Lie): void;
  close(): Promise<void>;
}

const read = (file: string): string => readFileSync(file, 'utf8');

const honest = async (state: StackState, dispatcher: Agent): Promise<CertificateAuthority> => {
  const files = authorityFiles(state);
  const password = read(files.provisionerPassword).trim();
  return createStepCaAuthority({
    endpoint: {
      url: `https://127.0.0.1:${state.ports.stepCa}`,
      fetch: (url, init) => undiciFetch(url, { ...(init as object), dispatcher }),
      timeoutMs: 5_000,
    },
    rootPem: read(files.root),
    intermediatePem: read(files.intermediate),
    rootCrlPem: read(files.rootCrl),
    clientProvisioner: await readProvisionerKey('mosaic-fed', read(files.clientKey), password),
    serverProvisioner: await readProvisionerKey('mosaic-tls', read(files.serverKey), password),
    maxConcurrent: 2,
    clock: { now: () => new Date() },
    ids: { uuid: () => crypto.randomUUID() },
  });
};

const certificatesOf = (pem: string): readonly string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];

const bodyOf = async (request: AsyncIterable<unknown>): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
};

const claimsOf = (token: string): { readonly grantId: string; readonly subjectUserId: string } => {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    string
  >;
  return {
    grantId: claims['mosaic_grant_id'] ?? '',
    subjectUserId: claims['mosaic_subject_user_id'] ?? '',
  };
};

/**
 * Stands in front of the real step-ca with a certificate of the same root, and passes everything on, but for peers'
 * certificates: there it returns a good signature of the real authority (or of another one) on something else.
 */
export const startLyingAuthority = async (
  state: StackState,
  other: CertificateAuthority,
): Promise<LyingAuthority> => {
  const dispatcher = new Agent({ connect: { ca: read(authorityFiles(state).root) } });
  const truth = await honest(state, dispatcher);
  const own = await makeKeyMaker().keyAndCsr();
  const names = { kind: 'front-server', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] } as const;
  const certificate = await truth.issue(await requestFor(names, { csrPem: own.csrPem }));
  let lie: Lie = null;

  const misissue = async (csrPem: string, token: string): Promise<string> => {
    const profile = { ...clientProfile(), ...claimsOf(token) };
    const options = { csrPem };
    const issued =
      lie === 'key'
        ? await truth.issue(await requestFor(profile))
        : lie === 'extension'
          ? await truth.issue(await requestFor({ ...profile, grantId: crypto.randomUUID() }, options))
          : lie === 'usage'
            ? await truth.issue(await requestFor(names, options))
            : await other.issue(await requestFor(profile, options));
    return JSON.stringify({
      crt: issued.pem,
      certChain: [issued.pem, ...certificatesOf(issued.chainPem).slice(0, 1)],
    });
  };

  const server = createServer(
    { key: own.keyPem, cert: certificate.pem + certificate.chainPem },
    (request, response) => {
      void (async () => {
        const body = await bodyOf(request);
        const asked = (body === '' ? {} : JSON.parse(body)) as {
          readonly csr?: string;
          readonly ott?: string;
        };
        const isPeer = request.url === '/1.0/sign' && claimsOf(asked.ott ?? '').grantId !== '';
        if (lie !== null && isPeer) {
          response.writeHead(201, { 'content-type': 'application/json' });
          response.end(await misissue(asked.csr ?? '', asked.ott ?? ''));
          return;
        }
        const answer = await undiciFetch(`https://127.0.0.1:${state.ports.stepCa}${request.url}`, {
          method: request.method ?? 'GET',
          dispatcher,
          ...(body === '' ? {} : { body, headers: { 'content-type': 'application/json' } }),
        });
        response.writeHead(answer.status, {
          'content-type': answer.headers.get('content-type') ?? 'text/plain',
        });
        response.end(Buffer.from(await answer.arrayBuffer()));
      })().catch((error: unknown) => response.destroy(error as Error));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address === null || typeof address === 'string' ? 0 : address.port;
  return {
    url: `https://127.0.0.1:${port}`,
    tell: (next) => (lie = next),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await dispatcher.close();
    },
  };
};
