import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeAuthorityContract } from '../../../ca/authority.testkit.ts';
import type { CertificateAuthority, CrlSource } from '../../../ca/authority.ts';
import { createStepCaAuthority, type StepCaDeps } from '../../../ca/step-ca/authority.ts';
import { readProvisionerKey } from '../../../ca/step-ca/provisioner-key.ts';
import { clientProfile, failureOf, requestFor } from '../../../ca/testing/requests.testkit.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { startStepCa, type StepCa } from '../../devstack/components/step-ca.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-step-ca-'));
let ca: StepCa;
let started: Promise<StepCa> | undefined;

const running = (): Promise<StepCa> => {
  started ??= (async () => {
    ensureInstalled();
    return startStepCa({ folder, port: await freePort(), crlPort: await freePort() });
  })();
  return started;
};

const depsFor = async (one: StepCa, changes: Partial<StepCaDeps> = {}): Promise<StepCaDeps> => {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const rootPem = read(one.rootCertFile);
  const dispatcher = new Agent({ connect: { ca: rootPem } });
  const password = read(one.provisionerPasswordFile).trim();
  return {
    endpoint: {
      url: one.url,
      fetch: (url, init) => undiciFetch(url, { ...(init as object), dispatcher }),
      timeoutMs: 5_000,
    },
    rootPem,
    intermediatePem: read(one.intermediateCertFile),
    rootCrlPem: read(one.rootCrlFile),
    clientProvisioner: await readProvisionerKey('mosaic-fed', read(one.clientKeyFile), password),
    serverProvisioner: await readProvisionerKey('mosaic-tls', read(one.serverKeyFile), password),
    maxConcurrent: 4,
    clock: { now: () => new Date() },
    ids: { uuid: () => crypto.randomUUID() },
    ...changes,
  };
};

const authority = async (changes: Partial<StepCaDeps> = {}): Promise<CertificateAuthority & CrlSource> =>
  createStepCaAuthority(await depsFor(await running(), changes));

afterAll(async () => {
  if (started !== undefined) await stop(await started);
  rmSync(folder, { recursive: true, force: true });
});

describeAuthorityContract('step-ca', () => authority(), 'refused');

describe('step-ca', () => {
  beforeAll(async () => {
    ca = await running();
  });

  it('M2-2 refuses what a CA without our template signs: extensions missing, wrong usage', async () => {
    // The server profile's provisioner stands for a CA whose template was lost.
    const { serverProvisioner } = await depsFor(ca);
    const lost = await authority({ clientProvisioner: serverProvisioner });
    const error = await failureOf(lost.issue(await requestFor(clientProfile())));
    expect(error.code).toBe('ca_misissued');
    expect(error.detail).toMatch(/grant id/);
  });

  it('X-11 its template fails when a claim is malformed, and nothing is signed', async () => {
    const profile = { ...clientProfile(), subjectUserId: '%!s(<nil>)' };
    const error = await failureOf((await authority()).issue(await requestFor(profile)));
    expect(error.code).toBe('ca_unavailable');
  });

  it('refuses a certificate whose issuer is not the pinned root', async () => {
    const { rootPem } = await (async () => ({ rootPem: readFileSync(ca.intermediateCertFile, 'utf8') }))();
    const error = await failureOf((await authority({ rootPem })).issue(await requestFor(clientProfile())));
    expect(error.code).toBe('ca_misissued');
  });

  it('a wrong provisioner password or key is a clear error at start', async () => {
    const text = readFileSync(ca.clientKeyFile, 'utf8');
    for (const [input, password, detail] of [
      [text, 'wrong', /does not open with that password/],
      [text, null, /STEP_CA_PROVISIONER_PASSWORD_FILE/],
      ['{"kty":"oct","k":"AAAA"}', null, /not a private P-256 key/],
      ['nonsense', 'x', /./],
    ] as const) {
      const error = await failureOf(readProvisionerKey('mosaic-fed', input, password));
      expect(error.detail).toMatch(detail);
    }
  });

  it('a token of a stranger’s key is refused and answered as an outage with a cause', async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
      'verify',
    ]);
    const { clientProvisioner } = await depsFor(ca);
    const error = await failureOf(
      (await authority({ clientProvisioner: { ...clientProvisioner, key: privateKey } })).issue(
        await requestFor(clientProfile()),
      ),
    );
    expect([error.code, error.detail]).toEqual(['ca_unavailable', expect.stringMatching(/token/)]);
  });

  it('X-71 a hung CA is given up after the timeout', async () => {
    const one = await depsFor(ca);
    const quick = createStepCaAuthority({ ...one, endpoint: { ...one.endpoint, timeoutMs: 300 } });
    process.kill(ca.pid, 'SIGSTOP');
    try {
      expect((await failureOf(quick.issue(await requestFor(clientProfile())))).code).toBe('ca_unavailable');
      expect((await failureOf(quick.crl())).code).toBe('ca_unavailable');
    } finally {
      process.kill(ca.pid, 'SIGCONT');
    }
    expect((await (await authority()).issue(await requestFor(clientProfile()))).serial).toMatch(
      /^[0-9a-f]+$/,
    );
  });
});
