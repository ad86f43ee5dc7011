import { beforeAll, describe, expect, test } from 'vitest';
import { opensslCsr, opensslText } from '../testing/openssl.testkit.ts';
import { readCsr } from './csr.ts';
import { derToPem, pemToDer } from './pem.ts';
import { makeKeyMaker } from './request.ts';

const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const reason = async (input: string | Uint8Array): Promise<string> => {
  const result = await readCsr(input);
  return result.ok ? 'accepted' : result.error;
};

describe('a request made by OpenSSL', () => {
  test.each([
    ['P-256', P256],
    ['P-384', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['RSA', ['rsa:2048']],
    ['RSA', ['rsa:3072']],
    ['Ed25519', ['ed25519']],
  ])('is accepted: %s (%j)', async (algorithm, newKey) => {
    const { csrPem } = await opensslCsr(newKey);
    const result = await readCsr(csrPem);
    expect(result.ok && result.value.algorithm).toBe(algorithm);
    const spki = await opensslText(['req', '-in', '@csr', '-noout', '-pubkey'], { csr: csrPem });
    const block = /-----BEGIN PUBLIC KEY-----([^-]+)/.exec(spki)?.[1]?.replaceAll(/\s/g, '');
    expect(result.ok && btoa(String.fromCharCode(...result.value.publicKeyInfo))).toBe(block);
  });

  test.each([
    ['SHA-384', ['-sha384']],
    ['SHA-512', ['-sha512']],
  ])('is accepted with %s', async (_name, digest) => {
    expect(await reason((await opensslCsr(P256, ['-subj', '/', ...digest])).csrPem)).toBe('accepted');
  });

  test.each([
    ['RSA of 1024 bits', ['rsa:1024'], [], /2048 to 8192 bits/],
    ['RSA with exponent 3', ['rsa:2048', '-pkeyopt', 'rsa_keygen_pubexp:3'], [], /exponent/],
    ['P-521', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-521'], [], /curve/],
    ['secp256k1', ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], [], /curve/],
    ['explicit curve parameters', [...P256, '-pkeyopt', 'ec_param_enc:explicit'], [], /object identifier/],
    ['Ed448', ['ed448'], [], /not allowed/],
    ['SHA-1', P256, ['-sha1'], /algorithm is not allowed/],
    ['RSA-PSS', ['rsa:2048'], ['-sigopt', 'rsa_padding_mode:pss'], /algorithm is not allowed/],
  ])('is refused: %s', async (_name, newKey, options, why) => {
    expect(await reason((await opensslCsr(newKey, ['-subj', '/', ...options])).csrPem)).toMatch(why);
  });
});

describe('a request that was tampered with', () => {
  let csrPem: string;
  let der: Uint8Array;
  const changed = (at: number): Uint8Array => der.map((byte, index) => (index === at ? byte ^ 1 : byte));

  beforeAll(async () => {
    ({ csrPem } = await opensslCsr(P256, ['-subj', '/CN=someone']));
    const read = pemToDer(csrPem, 'CERTIFICATE REQUEST');
    if (!read.ok) throw new Error(read.error);
    der = read.value;
  });

  test('no single bit of it can be changed', async () => {
    const verdicts = await Promise.all(Array.from(der, (_byte, at) => readCsr(changed(at))));
    expect(verdicts.filter(({ ok }) => ok)).toEqual([]);
  });

  test('another key under the same signature', async () => {
    const other = await readCsr((await opensslCsr(P256)).csrPem);
    const mine = await readCsr(der);
    if (!other.ok || !mine.ok) throw new Error('not readable');
    const hex = (bytes: Uint8Array): string =>
      Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
    const swapped = hex(der).replace(hex(mine.value.publicKeyInfo), hex(other.value.publicKeyInfo));
    const bytes = Uint8Array.from(swapped.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    expect(bytes).not.toEqual(der);
    expect(await reason(bytes)).toBe('the request is not signed by its own key');
  });

  test('surroundings: trailing bytes, two blocks, another label, text, too large, cut, empty', async () => {
    expect(await reason(Uint8Array.of(...der, 0))).toMatch(/followed by other bytes/);
    expect(await reason(csrPem + csrPem)).toMatch(/exactly one/);
    expect(await reason(derToPem(der, 'CERTIFICATE'))).toMatch(/labelled/);
    expect(await reason(`Certificate Request:\n${csrPem}`)).toMatch(/outside/);
    expect(await reason(`${csrPem}${' '.repeat(40_000)}`)).toMatch(/too large/);
    expect(await reason(new Uint8Array(20_000))).toMatch(/too large/);
    expect(await reason(der.slice(0, -1))).not.toBe('accepted');
    expect(await reason('')).toMatch(/exactly one/);
    expect(await reason(new Uint8Array())).toMatch(/missing/);
    expect(await reason(csrPem.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'))).toBe(
      'accepted',
    );
  });

  test('a certificate is not a request', async () => {
    const text = await opensslText([
      ...'req -x509 -nodes -subj /CN=x -newkey'.split(' '),
      ...P256,
      '-keyout',
      '-',
    ]);
    const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(text)?.[0] ?? '';
    const read = pemToDer(certificate, 'CERTIFICATE');
    expect(await reason(read.ok ? read.value : '')).not.toBe('accepted');
  });
});

describe('our own key maker', () => {
  test('makes a P-256 key and a request with an empty subject, as OpenSSL sees it', async () => {
    const { keyPem, csrPem } = await makeKeyMaker().keyAndCsr();
    const text = await opensslText(['req', '-in', '@csr', '-noout', '-text', '-verify'], { csr: csrPem });
    expect(text).toMatch(/verify OK/);
    expect(text).toMatch(/Subject: *\n/);
    expect(text).toMatch(/NIST CURVE: P-256/);
    const [ofKey, ofCsr] = await Promise.all([
      opensslText(['pkey', '-in', '@key', '-pubout'], { key: keyPem }),
      opensslText(['req', '-in', '@csr', '-noout', '-pubkey'], { csr: csrPem }),
    ]);
    expect(ofCsr).toBe(ofKey);
    expect(await reason(csrPem)).toBe('accepted');
  });
});
