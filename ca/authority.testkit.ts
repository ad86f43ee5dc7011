import { beforeAll, describe, expect, test } from 'vitest';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../domain/peers/identity.ts';
import type { CertificateAuthority, CrlSource, ServerProfile } from './authority.ts';
import { crlNumber, openssl, opensslCsr, opensslText, textOf } from './testing/openssl.testkit.ts';
import { clientProfile, failureOf, requestFor } from './testing/requests.testkit.ts';
import { sha256Hex } from './x509/certificate.ts';
import { readIdentity } from './x509/identity.ts';

type Authority = CertificateAuthority & CrlSource;

const HOUR = 3_600_000;
const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const OTHER_GRANT = '00000000-0000-4000-8000-000000000001';
const OTHER_SUBJECT = '00000000-0000-4000-8000-000000000002';

/** OpenSSL's judgement of a leaf for a purpose, with the authority's CRL. */
const judge = async (
  authority: Authority,
  pem: string,
  chainPem: string,
  purpose: string,
): Promise<string> => {
  const files = {
    leaf: pem,
    chain: chainPem,
    root: await authority.rootPem(),
    crl: (await authority.crl()).pem,
  };
  const args = [
    'verify',
    '-x509_strict',
    '-crl_check',
    '-purpose',
    purpose,
    '-CAfile',
    '@root',
    '-untrusted',
    '@chain',
  ];
  const { text } = await openssl([...args, '-CRLfile', '@crl', '@leaf'], files);
  return text;
};

/** What every certificate authority must do, judged by the real OpenSSL. */
export const describeAuthorityContract = (
  name: string,
  makeAuthority: () => Promise<Authority>,
  /** Whether a request that asks for names is signed without them, or refused as a whole. */
  namesInRequest: 'ignored' | 'refused' = 'ignored',
): void => {
  describe(`certificate authority: ${name}`, () => {
    let authority: Authority;

    beforeAll(async () => {
      authority = await makeAuthority();
    });

    test('M2-2: signs a request; both identity extensions are read back, by us and by OpenSSL', async () => {
      const profile = clientProfile();
      const request = await requestFor(profile);
      const issued = await authority.issue(request);
      const identity = readIdentity(issued.der);
      expect(identity.ok && identity.value).toEqual({
        grantId: profile.grantId,
        subjectUserId: profile.subjectUserId,
        serial: issued.serial,
        fingerprint: issued.fingerprint,
        notBefore: issued.notBefore,
        notAfter: issued.notAfter,
      });
      const dump = await opensslText(['asn1parse', '-in', '@leaf'], { leaf: issued.pem });
      for (const [oid, uuid] of [
        [GRANT_ID_OID, profile.grantId],
        [SUBJECT_USER_ID_OID, profile.subjectUserId],
      ]) {
        const value =
          `0C24${Array.from(uuid ?? '', (c) => c.charCodeAt(0).toString(16)).join('')}`.toUpperCase();
        expect(dump.replaceAll(/\s+/g, ' ')).toMatch(
          new RegExp(`OBJECT :${oid ?? ''} [^\\n]*?\\[HEX DUMP\\]:${value}`),
        );
      }
      expect(await judge(authority, issued.pem, issued.chainPem, 'sslclient')).toMatch(/: OK/);
      expect(await judge(authority, issued.pem, issued.chainPem, 'sslserver')).toMatch(
        /unsuitable certificate purpose/,
      );
    });

    test('M2-2: the certificate holds what was asked and nothing else', async () => {
      const profile = clientProfile();
      const request = await requestFor(profile, { lifetimeMs: 2 * HOUR });
      const issued = await authority.issue(request);
      const text = await textOf(issued.pem);
      expect(text).toMatch(/Version: 3/);
      expect(text).toMatch(/X509v3 Extended Key Usage: *\n *TLS Web Client Authentication *\n/);
      expect(text).toMatch(/X509v3 Basic Constraints: critical\n *CA:FALSE/);
      expect(text).toMatch(/X509v3 Key Usage: critical\n *Digital Signature *\n/);
      expect(text).toMatch(/X509v3 Subject Key Identifier/);
      expect(text).toMatch(/X509v3 Authority Key Identifier/);
      expect(text).not.toMatch(/Subject Alternative Name/);
      expect(text).toContain(`Subject: CN=${profile.grantId}`);
      expect(issued.fingerprint).toBe(sha256Hex(issued.der));
      expect(request.notBefore.getTime() - issued.notBefore.getTime()).toBeLessThan(61_000);
      expect(issued.notBefore.getTime()).toBeLessThanOrEqual(request.notBefore.getTime());
      expect(issued.notAfter.getTime()).toBe(Math.floor(request.notAfter.getTime() / 1000) * 1000);
      const serial = await opensslText(['x509', '-in', '@leaf', '-noout', '-serial'], { leaf: issued.pem });
      expect(
        serial
          .trim()
          .toLowerCase()
          .replace(/^serial=0*/, ''),
      ).toBe(issued.serial);
    });

    test('serial numbers are positive, of up to 128 bits, and differ', async () => {
      const issued = await Promise.all(
        Array.from({ length: 8 }, async () => authority.issue(await requestFor(clientProfile()))),
      );
      expect(new Set(issued.map(({ serial }) => serial)).size).toBe(8);
      for (const { serial } of issued) {
        expect(serial).toMatch(/^[1-9a-f][0-9a-f]{16,39}$/);
      }
    });

    test('X-10: another grant’s extensions, CN and SANs in a request never reach the certificate', async () => {
      const hex = (uuid: string): string => Array.from(uuid, (c) => c.charCodeAt(0).toString(16)).join(':');
      const { csrPem } = await opensslCsr(P256, [
        '-subj',
        `/CN=${OTHER_GRANT}/O=Intruder`,
        '-addext',
        `${GRANT_ID_OID}=DER:0c:24:${hex(OTHER_GRANT)}`,
        '-addext',
        `${SUBJECT_USER_ID_OID}=DER:0c:24:${hex(OTHER_SUBJECT)}`,
        '-addext',
        'subjectAltName=DNS:intruder.example,IP:10.0.0.1,email:root@intruder.example',
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-addext',
        'keyUsage=keyCertSign,cRLSign',
        '-addext',
        'extendedKeyUsage=serverAuth,anyExtendedKeyUsage',
      ]);
      expect(await opensslText(['req', '-in', '@csr', '-noout', '-text'], { csr: csrPem })).toMatch(
        /intruder\.example/,
      );
      const profile = clientProfile();
      const asked = await requestFor(profile, { csrPem });
      if (namesInRequest === 'refused') {
        expect((await failureOf(authority.issue(asked))).code).toBe('invalid_csr');
        return;
      }
      const issued = await authority.issue(asked);
      const identity = readIdentity(issued.der);
      expect(identity.ok && identity.value).toMatchObject({
        grantId: profile.grantId,
        subjectUserId: profile.subjectUserId,
      });
      const text = await textOf(issued.pem);
      expect(text).not.toMatch(
        /intruder|10\.0\.0\.1|Alternative Name|CA:TRUE|Certificate Sign|Server Auth|Any Extended/i,
      );
      const dump = await opensslText(['asn1parse', '-in', '@leaf'], { leaf: issued.pem });
      expect(dump + text).not.toContain(OTHER_GRANT);
      expect(dump.toLowerCase()).not.toContain(hex(OTHER_GRANT).replaceAll(':', ''));
      expect(dump.toLowerCase()).not.toContain(hex(OTHER_SUBJECT).replaceAll(':', ''));
    });

    test.each([
      ['P-384', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
      ['RSA 2048', ['rsa:2048']],
      ['Ed25519', ['ed25519']],
    ])('signs for a %s key, and the key is that of the request', async (_name, newKey) => {
      const { csrPem } = await opensslCsr(newKey);
      const issued = await authority.issue(await requestFor(clientProfile(), { csrPem }));
      const [ofCsr, ofLeaf] = await Promise.all([
        opensslText(['req', '-in', '@csr', '-noout', '-pubkey'], { csr: csrPem }),
        opensslText(['x509', '-in', '@leaf', '-noout', '-pubkey'], { leaf: issued.pem }),
      ]);
      expect(ofLeaf).toBe(ofCsr);
      expect(await judge(authority, issued.pem, issued.chainPem, 'sslclient')).toMatch(/: OK/);
    });

    test('a front’s certificate: its names and addresses, serverAuth only, no identity', async () => {
      const profile: ServerProfile = {
        kind: 'front-server',
        dnsNames: ['localhost', 'work.example.com'],
        ipAddresses: ['127.0.0.1', '::1'],
      };
      const issued = await authority.issue(await requestFor(profile));
      const text = await textOf(issued.pem);
      expect(text).toMatch(/TLS Web Server Authentication *\n/);
      expect(text).toMatch(
        /DNS:localhost, DNS:work\.example\.com, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1\n/,
      );
      expect(text).not.toMatch(/1\.3\.6\.1\.4\.1\.99999|Client Auth/);
      expect(await judge(authority, issued.pem, issued.chainPem, 'sslserver')).toMatch(/: OK/);
      expect(await judge(authority, issued.pem, issued.chainPem, 'sslclient')).toMatch(
        /unsuitable certificate purpose/,
      );
    });

    test.each([
      ['4 minutes', 240_000],
      ['366 days', 366 * 24 * HOUR],
      ['a negative time', -HOUR],
      ['no time that is a number', Number.NaN],
    ])('a lifetime of %s is refused', async (_name, lifetimeMs) => {
      const error = await failureOf(authority.issue(await requestFor(clientProfile(), { lifetimeMs })));
      expect(error.code).toBe('ca_unavailable');
      expect(error.cause).toBeInstanceOf(Error);
    });

    test('a request that is none is refused before anything is signed', async () => {
      const request = await requestFor(clientProfile());
      const error = await failureOf(authority.issue({ ...request, csr: request.csr.slice(0, -1) }));
      expect(error.code).toBe('invalid_csr');
    });

    test('M6-3, X-53: the CRL is signed by the root, has the exact serial and a rising number; revoking is idempotent', async () => {
      const [gone, kept] = await Promise.all([
        requestFor(clientProfile()).then(authority.issue),
        requestFor(clientProfile()).then(authority.issue),
      ]);
      const before = await authority.crl();
      await authority.revoke(gone.serial, 'cessation_of_operation', new Date());
      const after = await authority.crl();
      await authority.revoke(gone.serial, 'cessation_of_operation', new Date());
      const again = await authority.crl();

      const signature = await openssl(['crl', '-in', '@crl', '-noout', '-verify', '-CAfile', '@root'], {
        crl: after.pem,
        root: `${gone.chainPem}${await authority.rootPem()}`,
      });
      expect(signature.text).toMatch(/verify OK/);
      const text = await opensslText(['crl', '-inform', 'DER', '-in', '@crl', '-noout', '-text'], {
        crl: after.der,
      });
      const serials = Array.from(text.matchAll(/Serial Number: ([0-9A-F]+)/g), ([, s]) =>
        (s ?? '').toLowerCase().replace(/^0+/, ''),
      );
      expect(serials).toContain(gone.serial);
      expect(serials).not.toContain(kept.serial);
      expect(serials.filter((serial) => serial === gone.serial)).toHaveLength(1);
      expect(text).toMatch(/Cessation Of Operation/);
      expect(text).toMatch(/X509v3 Authority Key Identifier/);
      const numbers = await Promise.all([before, after, again].map(({ pem }) => crlNumber(pem)));
      expect(numbers).toEqual([before.number, after.number, again.number]);
      expect(after.number > before.number).toBe(true);
      expect(again.number >= after.number).toBe(true);
      expect(await judge(authority, gone.pem, gone.chainPem, 'sslclient')).toMatch(/certificate revoked/);
      expect(await judge(authority, kept.pem, kept.chainPem, 'sslclient')).toMatch(/: OK/);
    });
  });
};
