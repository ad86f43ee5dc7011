import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createForger } from '../../../../ca/testing/forge.testkit.ts';
import { OID } from '../../../../ca/x509/oids.ts';
import {
  ask,
  codeOfAnswer,
  createAuthority,
  detailOfAnswer,
  issueClient,
  startFront,
  type ClientCertificate,
  type FrontUnderTest,
} from './front.testkit.ts';

const PATH = '/federation/v1/tasks';
let under: FrontUnderTest;
let mine: ClientCertificate;

beforeAll(async () => {
  under = await startFront();
  mine = await under.clientCertificate();
});
afterAll(async () => {
  under.keeper.stop();
  await under.front.stop(1000);
});
beforeEach(() => {
  under.handled.length = 0;
});

const asHeader = (pem: string): string => `:${new X509Certificate(pem).raw.toString('base64')}:`;

describe('TLS front: who reaches which app', () => {
  it('a certificate of this authority reaches the federation app alone, as itself', async () => {
    expect(await ask(under, PATH, mine)).toMatchObject({ status: 200, body: 'handled' });
    await ask(under, '/enrollment/v1/redeem', mine);
    const { fingerprint256 } = new X509Certificate(mine.cert);
    expect(under.handled.map(({ app }) => app)).toEqual(['federation', 'federation']);
    expect(under.handled.map(({ fingerprint }) => fingerprint)).toEqual([fingerprint256, fingerprint256]);
  });

  it('X-1 no certificate: refused with a reason, no handler runs', async () => {
    const answer = await ask(under, PATH);
    expect(answer.status).toBe(401);
    expect(codeOfAnswer(answer)).toBe('certificate_required');
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(under.handled).toEqual([]);
  });

  it('no certificate: enrollment is reachable, and nothing beside it', async () => {
    expect((await ask(under, '/enrollment/v1/redeem', { method: 'POST', body: '{}' })).status).toBe(200);
    expect(under.handled).toMatchObject([{ app: 'enrollment', path: '/enrollment/v1/redeem' }]);
    for (const path of [
      '/',
      '/enrollment',
      '/Enrollment/v1',
      '//enrollment/v1',
      '/health',
      'https://localhost/enrollment/v1',
    ]) {
      expect({ path, status: (await ask(under, path)).status }).toEqual({ path, status: 401 });
    }
    expect(under.handled).toHaveLength(1);
  });

  it('a path that climbs out of /enrollment/ still only reaches the enrollment app', async () => {
    await ask(under, '/enrollment/../federation/v1/tasks');
    expect(under.handled).toEqual([{ app: 'enrollment', path: PATH, fingerprint: null }]);
  });

  it('X-1 M3-5 a rogue authority with the same name: refused, no handler runs', async () => {
    const rogue = await issueClient(await createAuthority());
    const answer = await ask(under, PATH, rogue);
    expect(answer.status).toBe(401);
    expect(codeOfAnswer(answer)).toBe('certificate_untrusted');
    expect(detailOfAnswer(answer)).toBe('The certificate was issued by another authority.');
    expect((await ask(under, '/enrollment/v1/redeem', rogue)).status).toBe(401);
    expect(under.handled).toEqual([]);
  });

  it('X-1 a self-signed certificate: refused, no handler runs', async () => {
    const forger = await createForger('self');
    const { pem, keyPem } = await forger.leaf([]);
    expect(codeOfAnswer(await ask(under, PATH, { cert: pem + forger.rootPem, key: keyPem }))).toBe(
      'certificate_untrusted',
    );
    expect(under.handled).toEqual([]);
  });
});

describe('TLS front: certificates this authority would sign for nobody', () => {
  const startWith = async (leaf: { pem: string; keyPem: string }, forger: { rootPem: string }) => {
    // The front trusts the forger's root here, so that only the one fault under test is left; it needs its CRL too.
    const { certificate, key, crl } = under.keeper.current();
    under.front.replace({ certificate, key, crl, root: forger.rootPem });
    try {
      return await ask(under, PATH, { cert: leaf.pem, key: leaf.keyPem });
    } finally {
      under.front.replace(under.keeper.current());
    }
  };

  const day = 86_400_000;
  it.each([
    ['X-2 expired', { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) }],
    [
      'X-2 not valid yet',
      { notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 2 * day) },
    ],
    ['X-3 for servers only', { purpose: OID.serverAuth }],
    ['whose authority has no revocation list here', {}],
  ])('%s: refused, no handler runs', async (_name, overrides) => {
    const forger = await createForger('trusted by mistake');
    const answer = await startWith(await forger.leaf([], overrides), forger);
    expect(answer.status).toBe(401);
    expect(codeOfAnswer(answer)).toBe('certificate_untrusted');
    expect(under.handled).toEqual([]);
  });

  it('X-3 the front’s own server certificate opens nothing', async () => {
    const { certificate, key } = under.keeper.current();
    const answer = await ask(under, PATH, { cert: certificate, key });
    expect(detailOfAnswer(answer)).toBe('The certificate may not be used by a client.');
    expect(under.handled).toEqual([]);
  });
});

describe('TLS front: headers of a client', () => {
  it('X-16 X-17 a certificate header is not looked at: without a certificate there is no entry', async () => {
    for (const name of [
      'Client-Cert',
      'client-cert',
      'CLIENT_CERT',
      'X-SSL-Client-Cert',
      'X-Client-Verify',
    ]) {
      const answer = await ask(under, PATH, {
        headers: { [name]: [asHeader(mine.cert), asHeader(mine.cert)], 'ssl-client-verify': 'SUCCESS' },
      });
      expect(codeOfAnswer(answer)).toBe('certificate_required');
    }
    expect(under.handled).toEqual([]);
  });

  it('X-17 with a certificate, the one of the connection counts', async () => {
    const other = await under.clientCertificate();
    await ask(under, PATH, { ...mine, headers: { 'Client-Cert': asHeader(other.cert) } });
    expect(under.handled).toMatchObject([{ fingerprint: new X509Certificate(mine.cert).fingerprint256 }]);
  });
});

describe('TLS front: revocation', () => {
  it('M6-4 a revoked certificate is refused with the next handshake, and told so; others are not', async () => {
    const victim = await under.clientCertificate();
    expect((await ask(under, PATH, victim)).status).toBe(200);
    await under.ca.revoke(victim.serial, 'unspecified', new Date());
    await under.keeper.refresh();
    under.handled.length = 0;
    const answer = await ask(under, PATH, victim);
    expect(answer.status).toBe(401);
    expect(detailOfAnswer(answer)).toBe('The certificate was revoked.');
    expect(under.handled).toEqual([]);
    expect((await ask(under, PATH, mine)).status).toBe(200);
  });

  it('a connection from before the new list is asked to reconnect after its next answer', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(under, PATH, { ...mine, agent })).headers['connection']).toBe('keep-alive');
    under.front.replace(under.keeper.current());
    expect((await ask(under, PATH, { ...mine, agent })).headers['connection']).toBe('close');
    expect((await ask(under, PATH, { ...mine, agent })).headers['connection']).toBe('keep-alive');
    agent.destroy();
  });
});

describe('TLS front: no way around the handshake', () => {
  const open = (options: object): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connect(
        { host: '127.0.0.1', port: under.port, servername: 'localhost', ca: under.root, ...mine, ...options },
        () => resolve(socket),
      );
      socket.once('error', reject);
    });

  const exchange = (socket: TLSSocket): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.once('close', () => resolve(text));
      socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('a %s session is never resumed', async (version) => {
    const sessions: Buffer[] = [];
    const first = await open({ minVersion: version, maxVersion: version });
    first.on('session', (session: Buffer) => sessions.push(session));
    expect(first.isSessionReused()).toBe(false);
    const held = first.getSession();
    expect(await exchange(first)).toContain('200 OK');
    if (held !== undefined) sessions.push(held);
    expect(sessions.length).toBeGreaterThan(0);
    for (const session of sessions) {
      const again = await open({ minVersion: version, maxVersion: version, session });
      expect(again.isSessionReused()).toBe(false);
      again.destroy();
    }
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('%s is not spoken', async (version) => {
    const ciphers = 'DEFAULT@SECLEVEL=0';
    await expect(open({ minVersion: version, maxVersion: version, ciphers })).rejects.toThrow(
      /alert|version|ECONNRESET|no protocols/i,
    );
  });

  it('a client can not renegotiate to another certificate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mosaic-front-'));
    try {
      for (const [name, text] of Object.entries({ cert: mine.cert, key: mine.key, ca: under.root })) {
        writeFileSync(join(folder, name), text, { mode: 0o600 });
      }
      const files = [
        '-cert',
        join(folder, 'cert'),
        '-key',
        join(folder, 'key'),
        '-CAfile',
        join(folder, 'ca'),
      ];
      const client = spawn('openssl', [
        's_client',
        '-connect',
        `127.0.0.1:${under.port}`,
        '-tls1_2',
        ...files,
      ]);
      let output = '';
      const done = new Promise((resolve) => client.once('close', resolve));
      const onData = (chunk: Buffer): void => {
        if (
          !output.includes('Verify return code') &&
          `${output}${chunk.toString()}`.includes('Verify return code')
        )
          client.stdin.write('R\n');
        output += chunk.toString();
      };
      client.stdout.on('data', onData);
      client.stderr.on('data', onData);
      await done;
      expect(output).toContain('Verify return code: 0 (ok)');
      expect(output).toMatch(/RENEGOTIATING[\s\S]*no renegotiation/);
      expect(under.handled).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
