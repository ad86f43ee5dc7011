import { describe, expect, it } from 'vitest';
import { createManualClock, keyValueContract } from './contract.testkit.ts';
import { createEncryptedKeyValue } from './encrypted.ts';
import { createMemoryKeyValue } from './memory.ts';
import { keepingLog } from './valkey.testkit.ts';

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const sealingKey = random.bytes(32);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

keyValueContract('encrypted over memory', async () => {
  const clock = createManualClock();
  const inner = createMemoryKeyValue({ clock });
  const kv = await createEncryptedKeyValue({ inner, sealingKey, clock, random, log: keepingLog() });
  return { kv, pass: async (seconds) => clock.advance(seconds) };
});

const setUp = async (key = sealingKey) => {
  const clock = createManualClock();
  const inner = createMemoryKeyValue({ clock });
  const log = keepingLog();
  const kv = await createEncryptedKeyValue({ inner, sealingKey: key, clock, random, log });
  const stored = async (name: string): Promise<Uint8Array> => (await inner.get(name)) ?? new Uint8Array(0);
  return { clock, inner, log, kv, stored };
};

describe('encrypted values', () => {
  it('hold no plaintext, and are different each time', async () => {
    const { kv, stored } = await setUp();
    await kv.set('a', bytes('plaintext '.repeat(10)), 60);
    await kv.set('b', bytes('plaintext '.repeat(10)), 60);
    expect(new TextDecoder().decode(await stored('a'))).not.toContain('plaintext');
    expect((await stored('a')).subarray(25)).not.toEqual((await stored('b')).subarray(25));
  });

  it('X-50 read as absent when any byte was changed, cut off or added, with a warning that names no key', async () => {
    const { inner, kv, log, stored } = await setUp();
    await kv.set('canary-key', bytes('v'), 60);
    const sealed = await stored('canary-key');
    const changed = Array.from(sealed, (_, index) => {
      const copy = sealed.slice();
      copy[index] = (copy[index] ?? 0) ^ 1;
      return copy;
    });
    const cut = Array.from(sealed, (_, index) => sealed.subarray(0, index));
    const forgeries = [...changed, ...cut, Uint8Array.of(...sealed, 0), bytes('anything at all'.repeat(9))];
    for (const forged of forgeries) {
      await inner.set('canary-key', forged, 60);
      expect(await kv.get('canary-key')).toBeNull();
    }
    expect(log.lines).toHaveLength(forgeries.length);
    expect(log.lines.every((line) => line.startsWith('warn ') && !line.includes('canary'))).toBe(true);
  });

  it('X-50 read as absent under another key', async () => {
    const { inner, kv, log, stored } = await setUp();
    await kv.set('grant-x', bytes('rows of x'), 60);
    await inner.set('grant-y', await stored('grant-x'), 60);
    expect(await kv.get('grant-y')).toBeNull();
    expect(log.lines).toHaveLength(1);
    expect(await kv.get('grant-x')).toEqual(bytes('rows of x'));
  });

  it('read as absent when an old value is put back after its time', async () => {
    const { clock, inner, kv, stored } = await setUp();
    await kv.set('k', bytes('v'), 30);
    const old = await stored('k');
    clock.advance(31);
    await inner.set('k', old, 60);
    expect(await kv.get('k')).toBeNull();
  });

  it('open on every replica with the same sealing key, and on none with another', async () => {
    const one = await setUp();
    await one.kv.set('k', bytes('v'), 60);
    const { inner, clock } = one;
    const log = keepingLog();
    const same = await createEncryptedKeyValue({ inner, sealingKey, clock, random, log });
    expect(await same.get('k')).toEqual(bytes('v'));
    const other = await createEncryptedKeyValue({ inner, sealingKey: random.bytes(32), clock, random, log });
    expect(await other.get('k')).toBeNull();
  });

  it('refuse a sealing key of another length', async () => {
    await expect(setUp(random.bytes(16))).rejects.toThrow(RangeError);
  });
});
