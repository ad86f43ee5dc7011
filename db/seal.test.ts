import { describe, expect, it } from 'vitest';
import type { MosaicError } from '../domain/errors.ts';
import { createSealer, sealedUnder, sealingKey } from './seal.ts';

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
});
