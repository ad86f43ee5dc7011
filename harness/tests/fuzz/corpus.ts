import { crlExtension, entryWith, forgeCrl, newIssuer, reason } from '../../../ca/testing/crl.testkit.ts';
import { createForger } from '../../../ca/testing/forge.testkit.ts';
import { opensslCsr, opensslText } from '../../../ca/testing/openssl.testkit.ts';
import { encodeIdentityExtension } from '../../../ca/x509/extension.ts';
import { element, integerOfHex, oid } from '../../../ca/x509/der-write.ts';
import { TAG } from '../../../ca/x509/der.ts';
import { OID } from '../../../ca/x509/oids.ts';
import { splitPem } from '../../../ca/x509/pem.ts';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../../domain/peers/identity.ts';

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

const derOf = (pem: string): readonly Uint8Array[] => {
  const blocks = splitPem(pem);
  if (!blocks.ok) throw new Error(blocks.error);
  return blocks.value.map(({ der }) => der);
};

const blocksIn = (text: string, label: string): string =>
  new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`, 'g').exec(text)?.[0] ?? '';

/** A self-signed certificate by OpenSSL. */
const certificate = async (newKey: readonly string[], more: readonly string[] = []): Promise<string> => {
  const args = [
    'req',
    '-x509',
    '-nodes',
    '-subj',
    '/O=Example/CN=root',
    '-newkey',
    ...newKey,
    '-keyout',
    '-',
  ];
  return blocksIn(await opensslText([...args, ...more]), 'CERTIFICATE');
};

const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** Fragments of DER: lengths that lie, numbers and names that are too long, times, flags. */
export const DER_WORDS: readonly Uint8Array[] = [
  Uint8Array.of(0x05, 0x00),
  Uint8Array.of(0x30, 0x00),
  Uint8Array.of(0x30, 0x80),
  Uint8Array.of(0x00, 0x00),
  Uint8Array.of(0x02, 0x01, 0x00),
  Uint8Array.of(0x02, 0x02, 0x00, 0x7f),
  Uint8Array.of(0x02, 0x01, 0xff),
  Uint8Array.of(0x01, 0x01, 0xff),
  Uint8Array.of(0x01, 0x01, 0x01),
  Uint8Array.of(0x06, 0x03, 0x80, 0x80, 0x01),
  Uint8Array.of(0x1f, 0x81, 0x01, 0x00),
  Uint8Array.of(0x04, 0x84, 0xff, 0xff, 0xff, 0xff),
  Uint8Array.of(0x04, 0x85, 0x00, 0x00, 0x00, 0x00, 0x01),
  Uint8Array.of(0x04, 0x81, 0x01, 0x00),
  Uint8Array.of(0x04, 0x82, 0x00, 0x80),
  element(TAG.oid, new Uint8Array(80).fill(0xff)),
  element(TAG.integer, new Uint8Array(300).fill(0x7f)),
  element(TAG.utcTime, bytesOf('260101000000Z')),
  element(TAG.utcTime, bytesOf('261301000000Z')),
  element(TAG.generalizedTime, bytesOf('20260101000000.5Z')),
  oid(OID.crlReason),
  oid(OID.deltaCrlIndicator),
  reason(6),
  reason(1, true),
  crlExtension('1.3.6.1.4.1.99999.7', integerOfHex('1'), true),
  crlExtension(OID.certificateIssuer, element(TAG.sequence)),
  entryWith('ab12'),
  entryWith('ab12', reason(1)),
];

/** Certificates: ours, and some of OpenSSL's. DER. */
export const certificates = async (): Promise<readonly Uint8Array[]> => {
  const forger = await createForger('work');
  const leaf = await forger.leaf([
    { oid: GRANT_ID_OID, value: encodeIdentityExtension(crypto.randomUUID()) },
    { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(crypto.randomUUID()) },
  ]);
  const others = await Promise.all([
    certificate(EC),
    certificate(['rsa:2048'], ['-addext', 'subjectAltName=DNS:a.example,IP:192.0.2.1,IP:2001:db8::1']),
    certificate(['ed25519'], ['-days', '20000']),
  ]);
  return [leaf.der, ...[forger.rootPem, ...others].flatMap(derOf)];
};

/** Requests: ours, and some of OpenSSL's. DER. */
export const requests = async (): Promise<readonly Uint8Array[]> => {
  const ours = await makeKeyMaker().keyAndCsr();
  const others = await Promise.all([
    opensslCsr(EC, ['-subj', '/O=Example/CN=someone']),
    opensslCsr(['rsa:2048'], ['-subj', '/CN=a', '-addext', 'subjectAltName=DNS:a.example']),
    opensslCsr(['ed25519']),
  ]);
  return [ours, ...others].flatMap(({ csrPem }) => derOf(csrPem));
};

const step = element(0xa0, element(0xa0, element(0x86, bytesOf('http://ca.example/crl'))));

/** Revocation lists with a key that signs whatever is made of them, and one that OpenSSL made of its own. DER. */
export const lists = async () => {
  const issuer = await newIssuer('Fuzzer');
  const point = crlExtension(OID.issuingDistributionPoint, element(TAG.sequence, step), true);
  const files = await Promise.all([
    forgeCrl(issuer, {}),
    forgeCrl(issuer, { serials: ['1', 'ab12', '7fffffffffffffffffffffffffffffffffffffff'] }),
    forgeCrl(issuer, { entries: [4, 6, 8, 1].map((code) => entryWith('ab12', reason(code))) }),
    forgeCrl(issuer, { entries: [entryWith('ab12', reason(6, true))], extensions: [point] }),
    forgeCrl(issuer, {
      entries: [entryWith('ab12', crlExtension('2.5.29.24', element(0x18, bytesOf('20260101000000Z'))))],
    }),
    forgeCrl(issuer, {
      entries: Array.from({ length: 40 }, (_, index) => entryWith((index + 1).toString(16))),
    }),
  ]);
  return { issuer, files };
};
