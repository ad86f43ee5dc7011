import { beforeEach, describe, expect, it } from 'vitest';
import type { SecretStore } from '../../domain/ports/sealed.ts';
import { CANARY_NAME, checkSealingKey, opensCanary } from './seal-check.ts';
import { createSealer, sealingKey } from './seal.ts';

const IDENTITY = 'gateway_secrets/sealing-canary';
const sealerOf = async (fill: number) =>
  createSealer({ current: await sealingKey(new Uint8Array(32).fill(fill)) });
const sealed = async (text: string, identity = IDENTITY): Promise<string> =>
  (await sealerOf(1)).seal(new TextEncoder().encode(text), identity);

describe('MUTANTS seal-check the canary', () => {
  let kept: Map<string, string>;
  let secrets: SecretStore;
  beforeEach(() => {
    kept = new Map();
    secrets = {
      get: (name) => Promise.resolve(kept.get(name) ?? null),
      putIfAbsent: (name, value) => {
        if (!kept.has(name)) kept.set(name, value);
        return Promise.resolve(kept.get(name) ?? value);
      },
    };
  });
  const check = async (fill: number) => checkSealingKey(secrets, await sealerOf(fill));

  it('is left by the first start, and opened by the same key only', async () => {
    await check(1);
    const first = kept.get(CANARY_NAME);
    await check(1);
    expect(kept.get(CANARY_NAME)).toBe(first);
    const { id } = await sealingKey(new Uint8Array(32).fill(1));
    await expect(check(2)).rejects.toMatchObject({
      code: 'unavailable',
      detail: expect.stringContaining(id) as string,
    });
    expect(kept.get(CANARY_NAME)).toBe(first);
  });

  it('is only looked at by a later start, which may be of a gateway that can write nothing', async () => {
    await check(1);
    secrets = { ...secrets, putIfAbsent: () => Promise.reject(new Error('read-only')) };
    await expect(check(1)).resolves.toBeUndefined();
    await expect(check(2)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is the one of whoever was first, also when two start at once', async () => {
    const { get } = secrets;
    kept.set(CANARY_NAME, await sealed('mosaic-federation'));
    // The look-up was before the other one's write.
    secrets = { ...secrets, get: () => Promise.resolve(null) };
    await check(1);
    await expect(check(2)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await get(CANARY_NAME)).not.toBeNull();
  });

  it.each(['', 'mosaic-federatio', 'mosaic-federation!', 'mosaic-federatioN'])(
    'is not %j, although the key opens it',
    async (text) => expect(await opensCanary(await sealed(text), await sealerOf(1))).toBe(false),
  );

  it('is that of its own place only, and names a value that nobody can read', async () => {
    expect(await opensCanary(await sealed('mosaic-federation'), await sealerOf(1))).toBe(true);
    expect(await opensCanary(await sealed('mosaic-federation', 'other'), await sealerOf(1))).toBe(false);
    kept.set(CANARY_NAME, 'nonsense');
    await expect(check(1)).rejects.toMatchObject({
      detail: expect.stringContaining('(unreadable)') as string,
    });
  });

  it('what fails otherwise is no verdict on the key', async () => {
    const broken = { ...(await sealerOf(1)), open: () => Promise.reject(new RangeError('no memory')) };
    await expect(opensCanary('x', broken)).rejects.toThrow(RangeError);
  });
});
