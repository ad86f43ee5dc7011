import { once } from 'node:events';
import { request as httpsRequest, type Server, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type {
  CertificateAuthority,
  ClientProfile,
  CrlSource,
  IssuedCertificate,
  ServerProfile,
} from '../authority.ts';
import { clientProfile, requestFor } from '../testing/requests.testkit.ts';
import { createForger } from '../testing/forge.testkit.ts';
import {
  clockAt,
  createMemoryCaStore,
  createMemorySecrets,
  createTestSealer,
  random,
} from '../testing/memory.testkit.ts';
import { encodeIdentityExtension } from '../x509/extension.ts';
import { readIdentity } from '../x509/identity.ts';
import { makeKeyMaker } from '../x509/request.ts';
import { createEmbeddedAuthority } from './authority.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../domain/peers/identity.ts';

const DAY = 86_400_000;
const NAME = 'Mosaic work';
const FRONT: ServerProfile = { kind: 'front-server', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };

interface Credentials {
  readonly cert: string;
  readonly key: string;
}

/** Node's TLS (OpenSSL) as the front judges the embedded authority's certificates and CRL. */
describe('certificates of the embedded authority at a TLS front', () => {
  const clock = clockAt(new Date(Date.now() - 3 * DAY));
  let authority: CertificateAuthority & CrlSource;
  let server: Server;
  let front: Credentials;
  let expired: Credentials;
  let handled = 0;

  const credentials = async (profile: ClientProfile | ServerProfile, now = clock.now(), lifetimeMs = DAY) => {
    const { keyPem, csrPem } = await makeKeyMaker().keyAndCsr();
    const issued = await authority.issue(await requestFor(profile, { csrPem, now, lifetimeMs }));
    return { issued, key: keyPem, cert: issued.pem };
  };

  const secureContext = async () => ({
    key: front.key,
    cert: front.cert + (await authority.rootPem()),
    ca: await authority.rootPem(),
    crl: (await authority.crl()).pem,
  });

  /** The answer: what the handler said, or why the front refused before any handler. */
  const call = async (client: Credentials | null): Promise<string> => {
    const { port } = server.address() as AddressInfo;
    const outgoing = httpsRequest({
      host: '127.0.0.1',
      port,
      agent: false,
      ca: await authority.rootPem(),
      ...(client === null ? {} : { cert: client.cert, key: client.key }),
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [AsyncIterable<Uint8Array>];
    let text = '';
    for await (const chunk of response) text += new TextDecoder().decode(chunk);
    return text;
  };

  beforeAll(async () => {
    authority = await createEmbeddedAuthority({
      store: createMemoryCaStore(),
      secrets: createMemorySecrets(),
      sealer: await createTestSealer(),
      clock,
      random,
      crlLifetimeSeconds: 3600,
      commonName: NAME,
    });
    expired = await credentials(clientProfile());
    clock.advance(3 * DAY);
    front = await credentials(FRONT);
    server = createServer({ ...(await secureContext()), requestCert: true, rejectUnauthorized: false });
    server.on('request', (incoming, answer) => {
      const socket = incoming.socket as TLSSocket;
      if (!socket.authorized) {
        answer.end(`refused: ${String(socket.authorizationError)}`);
        return;
      }
      handled += 1;
      const identity = readIdentity(new Uint8Array(socket.getPeerCertificate().raw));
      answer.end(identity.ok ? `hello ${identity.value.grantId}` : identity.error);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  beforeEach(() => {
    handled = 0;
  });

  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  test('accepts an issued client certificate, and after its revocation refuses it by the CRL', async () => {
    const profile = clientProfile();
    const [client, other] = await Promise.all([credentials(profile), credentials(clientProfile())]);
    expect(await call(client)).toBe(`hello ${profile.grantId}`);
    await authority.revoke(client.issued.serial, 'cessation_of_operation', clock.now());
    server.setSecureContext(await secureContext());
    handled = 0;
    expect(await call(client)).toBe('refused: CERT_REVOKED');
    expect(handled).toBe(0);
    expect(await call(other)).toMatch(/^hello /);
  });

  test('X-1: no certificate: no handler runs', async () => {
    expect(await call(null)).toBe('refused: UNABLE_TO_GET_ISSUER_CERT');
    expect(handled).toBe(0);
  });

  test('X-1: a rogue authority with the same DN: no handler runs', async () => {
    const rogue = await createForger(NAME);
    const leaf = await rogue.leaf([
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(crypto.randomUUID()) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(crypto.randomUUID()) },
    ]);
    expect(await call({ cert: leaf.pem, key: leaf.keyPem })).toMatch(
      /^refused: (UNABLE_TO|CERT_SIGNATURE_FAILURE)/,
    );
    expect(await call({ cert: leaf.pem + rogue.rootPem, key: leaf.keyPem })).toMatch(/^refused: /);
    expect(handled).toBe(0);
  });

  test('X-2: expired, and not yet valid: no handler runs', async () => {
    expect(await call(expired)).toBe('refused: CERT_HAS_EXPIRED');
    const tomorrow = await credentials(clientProfile(), new Date(clock.now().getTime() + DAY));
    expect(await call(tomorrow)).toBe('refused: CERT_NOT_YET_VALID');
    expect(handled).toBe(0);
  });

  test('X-3: a leaf with serverAuth only is no client: no handler runs', async () => {
    expect(await call(front)).toBe('refused: INVALID_PURPOSE');
    expect(handled).toBe(0);
  });

  test('a client certificate is no front: the client refuses the server', async () => {
    const client: { readonly issued: IssuedCertificate } & Credentials = await credentials(clientProfile());
    const impostor = createServer({ key: client.key, cert: client.cert + (await authority.rootPem()) });
    impostor.listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    const { port } = impostor.address() as AddressInfo;
    const outgoing = httpsRequest({ host: '127.0.0.1', port, agent: false, ca: await authority.rootPem() });
    outgoing.end();
    await expect(once(outgoing, 'response')).rejects.toMatchObject({ code: 'INVALID_PURPOSE' });
    impostor.close();
  });
});
