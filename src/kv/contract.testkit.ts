import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock, KeyValue } from '../../domain/ports/basics.ts';

export interface KeyValueUnderTest {
  readonly kv: KeyValue;
  /** Lets time pass: a fake clock's hands, or a real wait. */
  pass(seconds: number): Promise<void>;
}

/** A clock whose time only changes when told. */
export const createManualClock = (
  start = Date.UTC(2026, 0, 1),
): Clock & { advance(seconds: number): void } => {
  let now = start;
  return {
    now: () => new Date(now),
    advance: (seconds) => {
      now += seconds * 1000;
    },
  };
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What every adapter of the key-value port holds (ARCHITECTURE "Ports"). */
export const keyValueContract = (name: string, open: () => Promise<KeyValueUnderTest>): void => {
  describe(`key-value port: ${name}`, () => {
    let under: KeyValueUnderTest;

    beforeEach(async () => {
      under = await open();
    });
    afterEach(() => under.kv.close());

    it('answers null for a key nobody set', async () => {
      expect(await under.kv.get('absent')).toBeNull();
    });

    it('gives back the bytes that were set, every value of a byte included', async () => {
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      await under.kv.set('k', all, 10);
      expect(await under.kv.get('k')).toEqual(all);
    });

    it('keeps an empty value apart from no value', async () => {
      await under.kv.set('empty', new Uint8Array(0), 10);
      expect(await under.kv.get('empty')).toEqual(new Uint8Array(0));
    });

    it('replaces a value and its time to live', async () => {
      await under.kv.set('k', bytes('one'), 1);
      await under.kv.set('k', bytes('two'), 60);
      await under.pass(2);
      expect(await under.kv.get('k')).toEqual(bytes('two'));
    });

    it('forgets a value when its time is over', async () => {
      await under.kv.set('k', bytes('v'), 1);
      await under.pass(1.2);
      expect(await under.kv.get('k')).toBeNull();
    });

    it('forgets a value that is deleted, and does not mind deleting nothing', async () => {
      await under.kv.set('k', bytes('v'), 10);
      await under.kv.delete('k');
      await under.kv.delete('k');
      expect(await under.kv.get('k')).toBeNull();
    });

    it('takes a time to live that is over already as a deletion', async () => {
      await under.kv.set('k', bytes('v'), 10);
      await under.kv.set('k', bytes('w'), 0);
      expect(await under.kv.get('k')).toBeNull();
    });

    it('keeps apart keys of any text', async () => {
      const keys = ['a b', 'a\r\nb', 'a\u0000b', 'ä', 'a\u0308', '日本', '*', '"', 'a'.repeat(1_000)];
      for (const key of keys) await under.kv.set(key, bytes(key), 10);
      for (const key of keys) expect(await under.kv.get(key)).toEqual(bytes(key));
    });

    it('gives back a large value as it was', async () => {
      const large = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251);
      await under.kv.set('large', large, 10);
      expect(await under.kv.get('large')).toEqual(large);
    });

    it('keeps a value and a bucket of the same name apart', async () => {
      await under.kv.set('k', bytes('v'), 10);
      await under.kv.take('k', { capacity: 2, refillPerSecond: 0.01 });
      await under.kv.delete('k');
      expect((await under.kv.take('k', { capacity: 2, refillPerSecond: 0.01 })).remaining).toBe(0);
    });

    it('does not share its memory with callers', async () => {
      const value = bytes('abc');
      await under.kv.set('k', value, 10);
      value.fill(0);
      (await under.kv.get('k'))?.fill(0);
      expect(await under.kv.get('k')).toEqual(bytes('abc'));
    });

    it('lets exactly the capacity through at once, also when all ask at the same time', async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, () => under.kv.take('grant', { capacity: 60, refillPerSecond: 1 / 60 })),
      );
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(60);
      expect(answers.filter(({ allowed, remaining }) => !allowed && remaining !== 0)).toEqual([]);
    });

    it('says how long to wait, in whole seconds, and that wait is enough', async () => {
      const bucket = { capacity: 1, refillPerSecond: 0.5 };
      expect(await under.kv.take('k', bucket)).toEqual({ allowed: true, remaining: 0, retryAfterSeconds: 0 });
      const refused = await under.kv.take('k', bucket);
      expect(refused).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 2 });
      await under.pass(refused.retryAfterSeconds);
      expect((await under.kv.take('k', bucket)).allowed).toBe(true);
    });

    it('never holds more than its capacity, however long nobody asks', async () => {
      const bucket = { capacity: 2, refillPerSecond: 100 };
      await under.kv.take('k', bucket);
      await under.pass(1);
      expect(await under.kv.take('k', bucket)).toMatchObject({ allowed: true, remaining: 1 });
    });

    it('follows a lowered limit at the next request: what was used counts', async () => {
      for (let used = 0; used < 3; used += 1)
        await under.kv.take('k', { capacity: 60, refillPerSecond: 0.001 });
      const narrow = { capacity: 4, refillPerSecond: 0.001 };
      expect(await under.kv.take('k', narrow)).toMatchObject({ allowed: true, remaining: 0 });
      expect((await under.kv.take('k', narrow)).allowed).toBe(false);
    });

    it('what was used beyond a lowered limit is not owed: one token’s time is enough', async () => {
      for (let used = 0; used < 9; used += 1)
        await under.kv.take('k', { capacity: 60, refillPerSecond: 0.001 });
      const narrow = { capacity: 2, refillPerSecond: 1 };
      const refused = await under.kv.take('k', narrow);
      expect(refused).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 2 });
      await under.pass(2);
      expect((await under.kv.take('k', narrow)).allowed).toBe(true);
    });

    it('a caller that has not heard of a raised limit yet takes nothing back of what was used', async () => {
      const raised = { capacity: 100, refillPerSecond: 10 };
      const use = (count: number) =>
        Promise.all(Array.from({ length: count }, () => under.kv.take('k', raised)));
      await use(90);
      await under.pass(0.3);
      expect((await under.kv.take('k', { ...raised, capacity: 60 })).allowed).toBe(false);
      expect((await use(60)).filter(({ allowed }) => allowed).length).toBeLessThan(35);
    });

    it('follows a raised limit at the next request: it gives at once what it was raised by', async () => {
      const narrow = { capacity: 2, refillPerSecond: 0.001 };
      for (let used = 0; used < 2; used += 1) await under.kv.take('k', narrow);
      expect((await under.kv.take('k', narrow)).allowed).toBe(false);
      const wide = { capacity: 5, refillPerSecond: 0.001 };
      expect(await under.kv.take('k', wide)).toMatchObject({ allowed: true, remaining: 2 });
    });

    it('counts each key on its own', async () => {
      const bucket = { capacity: 1, refillPerSecond: 0.01 };
      await under.kv.take('a', bucket);
      expect((await under.kv.take('b', bucket)).allowed).toBe(true);
    });

    it('refuses a bucket that could never be asked', async () => {
      await expect(under.kv.take('k', { capacity: 0, refillPerSecond: 1 })).rejects.toThrow(RangeError);
      await expect(under.kv.take('k', { capacity: 1, refillPerSecond: 0 })).rejects.toThrow(RangeError);
    });

    it('lets exactly one of many callers set what is absent, and the next one after its time', async () => {
      const race = (ttl: number) =>
        Promise.all(
          Array.from({ length: 50 }, (_, index) => under.kv.setIfAbsent('once', bytes(String(index)), ttl)),
        );
      const won = await race(1);
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await under.kv.get('once')).toEqual(bytes(String(won.indexOf(true))));
      await under.pass(1.2);
      expect((await race(10)).filter(Boolean)).toHaveLength(1);
      await expect(under.kv.setIfAbsent('never', bytes('v'), 0)).rejects.toThrow(RangeError);
    });

    it('answers a ping', async () => {
      await expect(under.kv.ping()).resolves.toBeUndefined();
    });
  });
};
