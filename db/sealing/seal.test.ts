import { describe, expect, it } from 'vitest';
import type { MosaicError } from '../../domain/errors.ts';
import { createSealer, sealedHeader, sealedUnder, sealingKey, sealingKeys } from './seal.ts';

const bytes = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const text = new TextEncoder().encode('-----BEGIN PRIVATE KEY-----');
const causeOf = async (opening: Promise<unknown>): Promise<string> => {
  const error = await opening.then(
    () => undefined,
    (thrown: MosaicError) => thrown,
  );
  expect(error?.code).toBe('internal');
  expect(error?.detail).toBeUndefined();
  return error?.cause instanceof Error ? error.cause.message : '';
};

describe('sealing', () => {
  it('opens what it sealed, never twice the same text, and shows nothing of it', async () => {
    const sealer = createSealer({ current: await sealingKey(bytes(1)) });
    const [one, two] = [await sealer.seal(text, 'a/1/key'), await sealer.seal(text, 'a/1/key')];
    expect(one).not.toBe(two);
    expect(one).not.toContain('PRIVATE');
    expect(one).not.toContain('a/1/key');
    expect(await sealer.open(one, 'a/1/key')).toEqual(text);
  });

  it('X-50 a blob moved to another row does not open', async () => {
    const sealer = createSealer({ current: await sealingKey(bytes(1)) });
    const sealed = await sealer.seal(text, 'federation_peers/1/client_key_pem');
    expect(await causeOf(sealer.open(sealed, 'federation_peers/2/client_key_pem'))).toContain(
      'belongs to something else',
    );
  });

  it('X-50 names the key that is missing', async () => {
    const [mine, other] = [await sealingKey(bytes(1)), await sealingKey(bytes(2))];
    const sealed = await createSealer({ current: mine }).seal(text, 'x');
    expect(sealedUnder(sealed)).toBe(mine.id);
    expect(await causeOf(createSealer({ current: other }).open(sealed, 'x'))).toContain(mine.id);
  });

  it('opens with an older key and seals with the current one', async () => {
    const [old, current] = [await sealingKey(bytes(1)), await sealingKey(bytes(2))];
    const sealed = await createSealer({ current: old }).seal(text, 'x');
    const both = createSealer({ current, older: [old] });
    expect(await both.open(sealed, 'x')).toEqual(text);
    expect(sealedUnder(await both.seal(text, 'x'))).toBe(current.id);
  });

  it('refuses every changed character and every other form', async () => {
    const sealer = createSealer({ current: await sealingKey(bytes(1)) });
    const sealed = await sealer.seal(text, 'x');
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = `${sealed.slice(0, index)}${sealed[index] === 'A' ? 'B' : 'A'}${sealed.slice(index + 1)}`;
      // The last character of a part can carry bits that mean nothing; then the value is the same.
      const opened = await sealer.open(changed, 'x').catch(() => null);
      if (opened !== null) expect(sealed[index + 1] === '.' || index === sealed.length - 1).toBe(true);
    }
    for (const other of ['', 'x', 'a.b.c.d.e', `${sealed}.`, sealed.slice(6)])
      expect(await causeOf(sealer.open(other, 'x'))).toContain('cannot open');
  });

  it('derives the id from the key alone, and wants 32 bytes', async () => {
    expect(await sealingKey(bytes(3))).toEqual(await sealingKey(bytes(3)));
    expect((await sealingKey(bytes(3))).id).toMatch(/^[0-9a-f]{16}$/);
    await expect(sealingKey(new Uint8Array(31))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('32 bytes') as string,
    });
  });

  it('MUTANTS seal names a key and opens a value as every version before did', async () => {
    const key = await sealingKey(bytes(3));
    // Another label, or another length, would orphan all that is sealed.
    expect(key.id).toBe('f4c6055227c7df78');
    const sealed =
      'seal1.eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiZjRjNjA1NTIyN2M3ZGY3OCJ9.z8Ej6-SVxFB6V7ON.qXykL7kY.lUtZwkjodTO-lRmOUVVgyg';
    expect(sealed.split('.')[1]).toBe(sealedHeader(key.id));
    expect(await createSealer({ current: key }).open(sealed, 'a/1/key')).toEqual(
      new TextEncoder().encode('golden'),
    );
  });

  it('MUTANTS seal takes the keys of a ring that is replaced, and no longer those before', async () => {
    const [old, current] = await Promise.all([sealingKey(bytes(1)), sealingKey(bytes(2))]);
    const ring = createSealer(await sealingKeys(bytes(1)));
    const sealed = await ring.seal(text, 'x');
    ring.replace(await sealingKeys(bytes(2), [bytes(1)]));
    expect(ring.currentKeyId()).toBe(current.id);
    expect(await ring.open(sealed, 'x')).toEqual(text);
    expect(sealedUnder(await ring.seal(text, 'x'))).toBe(current.id);
    ring.replace({ current });
    expect(await causeOf(ring.open(sealed, 'x'))).toContain(old.id);
  });

  it.each([
    ['another prefix', (parts: string[]) => ['seal2', ...parts.slice(1)]],
    ['no tag', (parts: string[]) => parts.slice(0, 4)],
    ['no ciphertext', (parts: string[]) => parts.slice(0, 3)],
    ['no iv', (parts: string[]) => parts.slice(0, 2)],
    ['a header alone', (parts: string[]) => parts.slice(0, 1)],
    ['a part more', (parts: string[]) => [...parts, 'AAAA']],
    ['a header without a key', (parts: string[]) => ['seal1', btoa('{"alg":"dir"}'), ...parts.slice(2)]],
    ['a header that is no JSON', (parts: string[]) => ['seal1', 'AAAA', ...parts.slice(2)]],
  ])('MUTANTS seal says of a value with %s that it is not in the sealed form', async (_what, change) => {
    const sealer = createSealer({ current: await sealingKey(bytes(1)) });
    const sealed = change((await sealer.seal(text, 'x')).split('.')).join('.');
    expect(await causeOf(sealer.open(sealed, 'x'))).toContain('not in the sealed form');
  });

  it('MUTANTS seal opens nothing that says it was encrypted in another way', async () => {
    const key = await sealingKey(bytes(1));
    const { FlattenedEncrypt } = await import('jose');
    for (const header of [
      { alg: 'A256GCMKW', enc: 'A256GCM', kid: key.id },
      { alg: 'dir', enc: 'A128CBC-HS256', kid: key.id },
    ]) {
      const jwe = await new FlattenedEncrypt(text)
        .setProtectedHeader(header)
        .setAdditionalAuthenticatedData(new TextEncoder().encode('x'))
        .encrypt(key.key);
      const sealed = ['seal1', jwe.protected, jwe.iv, jwe.ciphertext, jwe.tag].join('.');
      expect(await causeOf(createSealer({ current: key }).open(sealed, 'x'))).toContain(
        'it was changed, or belongs to something else',
      );
    }
  });
});
