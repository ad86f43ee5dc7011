import { describe, expect, it } from 'vitest';
import { sameBytes } from './bytes.ts';
import { DerError, TAG } from './der.ts';
import { element, integer, oid } from './der-write.ts';
import { verifierOf, verifySignature, type SignedData } from './public-key.ts';

const { subtle } = globalThis.crypto;
const data = new TextEncoder().encode('what was signed');

interface Kind {
  readonly name: string;
  readonly generate: EcKeyGenParams | { readonly name: 'Ed25519' };
  readonly sign: EcdsaParams | { readonly name: 'Ed25519' };
  readonly oid: string;
}

const KINDS: readonly Kind[] = [
  {
    name: 'P-256',
    generate: { name: 'ECDSA', namedCurve: 'P-256' },
    sign: { name: 'ECDSA', hash: 'SHA-256' },
    oid: '1.2.840.10045.4.3.2',
  },
  {
    name: 'P-384',
    generate: { name: 'ECDSA', namedCurve: 'P-384' },
    sign: { name: 'ECDSA', hash: 'SHA-384' },
    oid: '1.2.840.10045.4.3.3',
  },
  { name: 'Ed25519', generate: { name: 'Ed25519' }, sign: { name: 'Ed25519' }, oid: '1.3.101.112' },
];

const signedBy = async (kind: Kind) => {
  const { privateKey, publicKey } = (await subtle.generateKey(kind.generate, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const raw = new Uint8Array(await subtle.sign(kind.sign, privateKey, data));
  const half = raw.length / 2;
  const signature =
    kind.name === 'Ed25519'
      ? raw
      : element(TAG.sequence, integer(raw.subarray(0, half)), integer(raw.subarray(half)));
  const signed: SignedData = { data, signature, algorithm: element(TAG.sequence, oid(kind.oid)) };
  const info = new Uint8Array(await subtle.exportKey('spki', publicKey));
  /** As it was done before there were forms that need no second look. */
  const oracle = async (publicKeyInfo: Uint8Array<ArrayBuffer>): Promise<boolean> => {
    try {
      const key = await subtle.importKey('spki', publicKeyInfo, kind.generate, true, ['verify']);
      if (!sameBytes(new Uint8Array(await subtle.exportKey('spki', key)), publicKeyInfo)) return false;
      return await subtle.verify(kind.sign, key, raw, data);
    } catch {
      return false;
    }
  };
  return { signed, info, oracle };
};

const verdict = (signed: SignedData, info: Uint8Array): Promise<boolean> =>
  verifySignature(signed, info).catch((error: unknown) => {
    if (error instanceof DerError) return false;
    throw error;
  });

describe('a public key', () => {
  it.each(KINDS)(
    'X-10 $name: whichever byte of it is changed, it is judged as by writing it out',
    async (kind) => {
      const { signed, info, oracle } = await signedBy(kind);
      expect(await oracle(info)).toBe(true);
      expect(await verdict(signed, info)).toBe(true);
      const changed = Array.from({ length: info.length * 2 }, (_, index) => {
        const copy = info.slice();
        copy.set([(copy[index >> 1] ?? 0) ^ (index % 2 === 0 ? 0x01 : 0x80)], index >> 1);
        return copy;
      });
      changed.push(info.slice(0, -1), Uint8Array.from([...info, 0]));
      for (const one of changed) expect(await verdict(signed, one)).toBe(await oracle(one));
    },
  );

  it.each([
    ['P-256', 32],
    ['P-384', 48],
  ])(
    'X-10 of %s is its whole point: a compressed or hybrid one is a second form of the same key',
    async (name, width) => {
      const { signed, info } = await signedBy(KINDS.find((kind) => kind.name === name) as Kind);
      const [at, isOddY] = [info.length - 2 * width - 1, (info.at(-1) ?? 0) & 1];
      expect(await verdict(signed, info)).toBe(true);
      const hybrid = info.slice();
      hybrid[at] = 0x06 | isOddY;
      expect(await verdict(signed, hybrid)).toBe(false);
      const compressed = info.slice(0, at + 1 + width);
      compressed[at] = 0x02 | isOddY;
      // The lengths around the point: of the whole, and of the bit string.
      for (const length of [1, at - 2]) compressed[length] = (compressed[length] ?? 0) - width;
      expect(await verdict(signed, compressed)).toBe(false);
    },
  );

  it('checks several signatures, each for itself', async () => {
    const [mine, other] = [await signedBy(KINDS[0] as Kind), await signedBy(KINDS[0] as Kind)];
    const verify = verifierOf(mine.info);
    const verdicts = await Promise.all([mine, other, mine].map(({ signed }) => verify(signed)));
    expect(verdicts).toEqual([true, false, true]);
    expect(await verify({ ...mine.signed, data: data.slice(1) })).toBe(false);
  });
});
