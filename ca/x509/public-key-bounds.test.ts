import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SHORT_SIGNATURES, SIGNED_TEXT } from '../testing/short-signatures.testkit.ts';
import { concat, element, integer, oid } from './der-write.ts';
import { DerError, elements, single, TAG } from './der.ts';
import { keyAlgorithm, verifierOf, verifySignature, type SignedData } from './public-key.ts';

const { subtle } = globalThis.crypto;
const data = new TextEncoder().encode(SIGNED_TEXT);
const NUL = element(TAG.nul);
const P256 = '1.2.840.10045.3.1.7';
const EC = '1.2.840.10045.2.1';
const RSA = '1.2.840.113549.1.1.1';
const ED25519 = '1.3.101.112';

const sequence = (...parts: readonly Uint8Array[]) => element(TAG.sequence, ...parts);
const bits = (...parts: readonly Uint8Array[]) => element(TAG.bitString, Uint8Array.of(0), ...parts);
const keyOf = (...parts: readonly Uint8Array[]) => sequence(sequence(...parts), bits(new Uint8Array(65)));

/** A number of exactly so many bits, which is odd. */
const ofBits = (count: number): Uint8Array => {
  const octets = new Uint8Array(Math.ceil(count / 8)).fill(0xff);
  octets[0] = 2 ** (((count - 1) % 8) + 1) - 1;
  return octets;
};
const rsaKey = (fields: readonly Uint8Array[], parameters: readonly Uint8Array[] = [NUL]) =>
  sequence(sequence(oid(RSA), ...parameters), bits(sequence(...fields)));
const ofModulus = (count: number) => rsaKey([integer(ofBits(count)), integer(Uint8Array.of(1, 0, 1))]);
const ofExponent = (...octets: readonly number[]) =>
  rsaKey([integer(ofBits(2_048)), integer(Uint8Array.from(octets))]);

describe('MUTANTS public-key which keys are taken', () => {
  it('RSA of 2,048 to 8,192 bits, to the bit', () => {
    for (const count of [2_048, 2_049, 3_072, 4_096, 8_191, 8_192])
      expect(keyAlgorithm(ofModulus(count))).toBe('RSA');
    for (const count of [1, 8, 1_024, 2_040, 2_041, 2_047])
      expect(() => keyAlgorithm(ofModulus(count))).toThrow('an RSA key must have 2048 to 8192 bits');
    for (const count of [8_193, 8_200, 16_384])
      expect(() => keyAlgorithm(ofModulus(count))).toThrow('the RSA modulus is too long');
  });

  it('RSA with an odd exponent of three or four octets', () => {
    for (const good of [
      [1, 0, 1],
      [0xff, 0xff, 0xff],
      [1, 0, 0, 1],
      [0xff, 0, 0, 1],
    ])
      expect(keyAlgorithm(ofExponent(...good))).toBe('RSA');
    for (const bad of [[1], [3], [1, 1], [0xff, 0xff], [1, 0, 0], [1, 0, 2], [1, 0, 0, 0], [1, 1, 1, 0]])
      expect(() => keyAlgorithm(ofExponent(...bad))).toThrow('the RSA public exponent is not acceptable');
    expect(() => keyAlgorithm(ofExponent(1, 0, 0, 0, 1))).toThrow('the RSA exponent is too long');
  });

  it('RSA with a NULL as parameter and two numbers as key', () => {
    const [n, e] = [integer(ofBits(2_048)), integer(Uint8Array.of(1, 0, 1))];
    expect(keyAlgorithm(rsaKey([n, e]))).toBe('RSA');
    expect(() => keyAlgorithm(rsaKey([n, e, NUL]))).toThrow('the RSA key has too many fields');
    expect(() => keyAlgorithm(rsaKey([n]))).toThrow('the RSA exponent is missing');
    expect(() => keyAlgorithm(rsaKey([]))).toThrow('the RSA modulus is missing');
    for (const parameter of [[], [element(TAG.nul, Uint8Array.of(0))], [sequence()], [oid(P256)]])
      expect(() => keyAlgorithm(rsaKey([n, e], parameter))).toThrow(
        'the parameter of the RSA algorithm is not NULL',
      );
    expect(() => keyAlgorithm(rsaKey([n, e], [NUL, NUL]))).toThrow('the public key has too many fields');
  });

  it('P-256, P-384 and Ed25519, and no other kind', () => {
    expect(keyAlgorithm(keyOf(oid(EC), oid(P256)))).toBe('P-256');
    expect(keyAlgorithm(keyOf(oid(EC), oid('1.3.132.0.34')))).toBe('P-384');
    expect(keyAlgorithm(keyOf(oid(ED25519)))).toBe('Ed25519');
    for (const curve of ['1.3.132.0.35', '1.3.132.0.10', EC])
      expect(() => keyAlgorithm(keyOf(oid(EC), oid(curve)))).toThrow('is not P-256 or P-384');
    for (const other of [keyOf(oid(ED25519), NUL), keyOf(oid('1.3.101.113')), keyOf(oid(P256), NUL)])
      expect(() => keyAlgorithm(other)).toThrow('the kind of public key is not allowed');
  });

  it('no key with more fields than it has', () => {
    const [algorithm, key] = [sequence(oid(ED25519)), bits(new Uint8Array(32))];
    expect(keyAlgorithm(sequence(algorithm, key))).toBe('Ed25519');
    expect(() => keyAlgorithm(sequence(algorithm, key, NUL))).toThrow('the public key has too many fields');
    expect(() => keyAlgorithm(keyOf(oid(EC), oid(P256), NUL))).toThrow('the public key has too many fields');
    expect(() => keyAlgorithm(sequence(algorithm))).toThrow('the public key is missing');
  });
});

interface Signer {
  readonly info: Uint8Array;
  readonly sign: (hash: string) => Promise<Uint8Array>;
}

const signerOf = async (
  generate: EcKeyGenParams | RsaHashedKeyGenParams | { readonly name: 'Ed25519' },
): Promise<Signer> => {
  const pair = (await subtle.generateKey(generate, true, ['sign', 'verify'])) as CryptoKeyPair;
  const sign = async (hash: string) => {
    const key =
      'modulusLength' in generate
        ? await subtle.importKey(
            'pkcs8',
            await subtle.exportKey('pkcs8', pair.privateKey),
            { name: generate.name, hash },
            true,
            ['sign'],
          )
        : pair.privateKey;
    const raw = new Uint8Array(await subtle.sign({ name: generate.name, hash }, key, data));
    const half = raw.length / 2;
    return 'namedCurve' in generate
      ? sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)))
      : raw;
  };
  return { info: new Uint8Array(await subtle.exportKey('spki', pair.publicKey)), sign };
};

describe('MUTANTS public-key which signatures are taken', () => {
  let signers: Readonly<Record<'P-256' | 'P-384' | 'RSA' | 'Ed25519', Signer>>;
  beforeAll(async () => {
    const rsa = {
      name: 'RSASSA-PKCS1-v1_5',
      hash: 'SHA-256',
      modulusLength: 2_048,
      publicExponent: Uint8Array.of(1, 0, 1),
    };
    signers = {
      'P-256': await signerOf({ name: 'ECDSA', namedCurve: 'P-256' }),
      'P-384': await signerOf({ name: 'ECDSA', namedCurve: 'P-384' }),
      RSA: await signerOf(rsa),
      Ed25519: await signerOf({ name: 'Ed25519' }),
    };
  });
  afterEach(() => void vi.restoreAllMocks());

  const algorithmOf = (text: string, ...parameters: readonly Uint8Array[]) =>
    sequence(oid(text), ...parameters);
  const signed = async (kind: keyof typeof signers, hash: string, algorithm: Uint8Array) => {
    const made: SignedData = { data, signature: await signers[kind].sign(hash), algorithm };
    return made;
  };
  const ofP256 = () => signed('P-256', 'SHA-256', algorithmOf('1.2.840.10045.4.3.2'));

  it.each([
    ['P-256', 'SHA-256', '1.2.840.10045.4.3.2', []],
    ['P-256', 'SHA-384', '1.2.840.10045.4.3.3', []],
    ['P-256', 'SHA-512', '1.2.840.10045.4.3.4', []],
    ['P-384', 'SHA-256', '1.2.840.10045.4.3.2', []],
    ['P-384', 'SHA-384', '1.2.840.10045.4.3.3', []],
    ['RSA', 'SHA-256', '1.2.840.113549.1.1.11', [NUL]],
    ['RSA', 'SHA-384', '1.2.840.113549.1.1.12', [NUL]],
    ['RSA', 'SHA-512', '1.2.840.113549.1.1.13', [NUL]],
    ['Ed25519', '', ED25519, []],
  ] as const)('%s with %s, as %s says it', async (kind, hash, name, parameters) => {
    const { info } = signers[kind];
    const good = await signed(kind, hash, algorithmOf(name, ...parameters));
    expect(await verifySignature(good, info)).toBe(true);
    expect(await verifySignature({ ...good, data: data.subarray(1) }, info)).toBe(false);
    // Parameters are there or not as the RFC of the algorithm has it: one form only.
    const others = parameters.length === 0 ? [[NUL]] : [[], [NUL, NUL], [element(TAG.nul, data)]];
    for (const other of others)
      await expect(
        verifySignature({ ...good, algorithm: algorithmOf(name, ...other) }, info),
      ).rejects.toThrow('the signature algorithm is not allowed for this key');
  });

  it('no algorithm of another kind of key, no SHA-1, and none with surplus fields', async () => {
    const good = await ofP256();
    const { info } = signers['P-256'];
    for (const algorithm of [
      algorithmOf('1.2.840.113549.1.1.11'),
      algorithmOf(ED25519),
      algorithmOf('1.2.840.10045.4.1'),
      algorithmOf('1.2.3'),
      sequence(oid('1.2.840.10045.4.3.2'), NUL, NUL),
    ])
      await expect(verifySignature({ ...good, algorithm }, info)).rejects.toThrow(
        'the signature algorithm is not allowed for this key',
      );
    const rsa = await signed('RSA', 'SHA-256', sequence(oid('1.2.840.113549.1.1.11'), NUL, NUL));
    await expect(verifySignature(rsa, signers.RSA.info)).rejects.toThrow(
      'the signature algorithm is not allowed for this key',
    );
  });

  it.each(SHORT_SIGNATURES)(
    '$curve: two numbers of at most its width, short ones too',
    async ({ width, info, signatures }) => {
      const algorithm = algorithmOf('1.2.840.10045.4.3.2');
      const verdict = (signature: Uint8Array) => verifySignature({ data, signature, algorithm }, info);
      for (const signature of signatures) expect(await verdict(signature)).toBe(true);
      const [r, s] = elements(single(signatures[0], TAG.sequence, 'it').content).map(({ raw }) => raw);
      if (r === undefined || s === undefined) throw new Error('a signature has two numbers');
      const long = integer(new Uint8Array(width + 1).fill(1));
      expect(await verdict(sequence(s, r))).toBe(false);
      await expect(verdict(sequence(r, s, NUL))).rejects.toThrow('the signature has too many fields');
      await expect(verdict(sequence(long, s))).rejects.toThrow('r is too long');
      await expect(verdict(sequence(r, long))).rejects.toThrow('s is too long');
      await expect(verdict(sequence(r))).rejects.toThrow('s is missing');
      await expect(verdict(sequence())).rejects.toThrow('r is missing');
    },
  );

  it('a signature of more than 1,024 octets is refused unseen', async () => {
    const algorithm = algorithmOf('1.2.840.113549.1.1.11', NUL);
    const ofLength = (length: number) =>
      verifySignature({ data, signature: new Uint8Array(length), algorithm }, signers.RSA.info);
    expect(await ofLength(1_024)).toBe(false);
    await expect(ofLength(1_025)).rejects.toThrow(new DerError('the signature is too long'));
  });

  it('a key is imported once for each hash, and written out only where it could have another form', async () => {
    const [imported, exported] = [vi.spyOn(subtle, 'importKey'), vi.spyOn(subtle, 'exportKey')];
    const plain = { 'P-256': '1.2.840.10045.4.3.2', 'P-384': '1.2.840.10045.4.3.2', Ed25519: ED25519 };
    for (const kind of ['P-256', 'P-384', 'Ed25519'] as const) {
      const verify = verifierOf(signers[kind].info);
      const good = await signed(kind, 'SHA-256', algorithmOf(plain[kind]));
      imported.mockClear();
      expect(await Promise.all([verify(good), verify(good)])).toEqual([true, true]);
      expect(await verify(good)).toBe(true);
      expect(imported).toHaveBeenCalledTimes(1);
    }
    expect(exported).not.toHaveBeenCalled();
  });

  it('an RSA key that WebCrypto would write another way is refused', async () => {
    const good = await signed('RSA', 'SHA-256', algorithmOf('1.2.840.113549.1.1.11', NUL));
    const { info } = signers.RSA;
    const written = vi.spyOn(subtle, 'exportKey').mockResolvedValue(concat([info, NUL]).buffer);
    expect(await verifySignature(good, info)).toBe(false);
    expect(written).toHaveBeenCalledTimes(1);
  });

  it('what WebCrypto refuses to do is no good signature', async () => {
    const good = await ofP256();
    const { info } = signers['P-256'];
    vi.spyOn(subtle, 'verify').mockRejectedValueOnce(new DOMException('not now', 'OperationError'));
    expect(await verifySignature(good, info)).toBe(false);
    vi.spyOn(subtle, 'importKey').mockRejectedValueOnce(new DOMException('not this one', 'DataError'));
    expect(await verifySignature(good, info)).toBe(false);
    expect(await verifySignature(good, info)).toBe(true);
  });
});
