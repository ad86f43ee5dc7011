import { beforeEach, describe, expect, it } from 'vitest';
import type { KeyValue } from '../../domain/ports/basics.ts';
import { unavailable } from './commands.ts';
import { createManualClock, keyValueContract } from './contract.testkit.ts';
import { createMemoryKeyValue } from './memory.ts';
import { createOutage, type OutageOptions } from './outage.ts';
import { keepingLog } from './valkey.testkit.ts';

type State = 'up' | 'refusing' | 'hung';

/** A real store (memory.ts) behind a line that can be cut; what is asked while it is cut is counted. */
const breakable = () => {
  const clock = createManualClock();
  let store = createMemoryKeyValue({ clock });
  let state: State = 'up';
  let asked = 0;
  let waiting: (() => void)[] = [];
  const over = async <T>(work: () => Promise<T>): Promise<T> => {
    asked += 1;
    if (state === 'hung') await new Promise<void>((resolve) => waiting.push(resolve));
    if (state !== 'up') throw unavailable('cut');
    return work();
  };
  const line: KeyValue = {
    get: (key) => over(() => store.get(key)),
    set: (key, value, ttl) => over(() => store.set(key, value, ttl)),
    setIfAbsent: (key, value, ttl) => over(() => store.setIfAbsent(key, value, ttl)),
    delete: (key) => over(() => store.delete(key)),
    take: (key, bucket) => over(() => store.take(key, bucket)),
    ping: () => over(() => store.ping()),
    close: () => store.close(),
  };
  return {
    clock,
    line,
    asked: () => asked,
    be: (to: State) => {
      state = to;
    },
    /** As a command's timeout would. */
    giveUp: () => {
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    empty: () => {
      store = createMemoryKeyValue({ clock });
    },
  };
};

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const minute = { capacity: 60, refillPerSecond: 1 };

keyValueContract('guarded, while the store answers', async () => {
  const { clock, line } = breakable();
  const kv = createOutage({ whenDown: 'local', share: 0.5, clock, log: keepingLog() }).guard(line);
  return { kv, pass: async (seconds) => clock.advance(seconds) };
});

describe('the store is away', () => {
  let world: ReturnType<typeof breakable>;
  let kv: KeyValue;
  let log: ReturnType<typeof keepingLog>;

  const guarded = (more: Partial<OutageOptions> = {}): KeyValue =>
    createOutage({ whenDown: 'local', share: 0.5, clock: world.clock, log, ...more }).guard(world.line);
  const passed = async (count: number, key = 'grant', of = kv): Promise<number> => {
    let allowed = 0;
    for (let index = 0; index < count; index += 1) if ((await of.take(key, minute)).allowed) allowed += 1;
    return allowed;
  };
  /** Back, and noticed: a request begins the probe, and the next ones go there again. */
  const heal = async (): Promise<void> => {
    world.be('up');
    world.clock.advance(1.1);
    await kv.take('somebody', minute);
    await settled();
  };

  beforeEach(() => {
    world = breakable();
    log = keepingLog();
    kv = guarded();
  });

  it('local: a tenth of the share at once, then this process’s share of the limit, and never more', async () => {
    expect(await passed(10)).toBe(10);
    world.be('refusing');
    expect(await passed(100)).toBe(3);
    world.clock.advance(10);
    // Half of the limit is 30 a minute: 5 in 10 s.
    expect(await passed(100)).toBe(5);
    world.clock.advance(3_600);
    expect(await passed(100)).toBe(30);
    const refused = await kv.take('grant', minute);
    expect(refused).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 2 });
    world.clock.advance(refused.retryAfterSeconds);
    expect(await passed(5)).toBe(1);
  });

  it('a limit of one a minute stays one in two minutes: never less than a token, never unlimited', async () => {
    world.be('refusing');
    const one = { capacity: 1, refillPerSecond: 1 / 60 };
    expect((await kv.take('k', one)).allowed).toBe(true);
    expect(await kv.take('k', one)).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 120 });
  });

  it('refuse: 503 at once, for limits as for values', async () => {
    kv = guarded({ whenDown: 'refuse' });
    await kv.take('grant', minute);
    world.be('refusing');
    for (let index = 0; index < 100; index += 1)
      await expect(kv.take('grant', minute)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(kv.get('k')).rejects.toMatchObject({ code: 'unavailable' });
    expect(kv.isOptional).toBe(false);
  });

  it.each(['local', 'refuse'] as const)(
    '%s: a hung store holds the first request only, and one probe at a time',
    async (whenDown) => {
      kv = guarded({ whenDown });
      await kv.take('grant', minute);
      world.be('hung');
      const first = kv.take('grant', minute).catch(() => null);
      await settled();
      world.giveUp();
      await first;
      const before = world.asked();
      for (let index = 0; index < 50; index += 1) {
        world.clock.advance(0.02);
        await kv.take('grant', minute).catch(() => null);
        await kv.get('k').catch(() => null);
      }
      expect(world.asked() - before).toBe(1);
      // The probe is given up as its command is; the next one goes out after a pause.
      world.giveUp();
      await settled();
      world.be('up');
      world.clock.advance(1.1);
      await kv.take('grant', minute).catch(() => null);
      await settled();
      expect((await kv.take('other', minute)).remaining).toBe(59);
    },
  );

  it('X-71 comes back by itself, tells it once each way, and what was counted there still counts', async () => {
    expect(await passed(60)).toBe(60);
    world.be('refusing');
    expect(await passed(9)).toBe(3);
    await heal();
    expect(await passed(30)).toBeLessThanOrEqual(2);
    expect(log.lines.map((line) => line.split(' {')[0])).toEqual([
      'warn key-value store is away',
      'info key-value store is back',
    ]);
  });

  it('knocking it over and over gains nothing beyond the share', async () => {
    await passed(60);
    let gained = 0;
    for (let round = 0; round < 30; round += 1) {
      world.be('refusing');
      gained += await passed(20);
      world.be('up');
      world.clock.advance(2);
      await kv.take('somebody', minute);
      await settled();
      world.be('refusing');
      gained += await passed(20);
      world.be('up');
      world.clock.advance(0.2);
    }
    // 66 s: at most the share of that (33), and what the bucket begins with, once.
    expect(gained).toBeLessThanOrEqual(36);
  });

  it('knocking it over so that it forgets gains nothing: its full buckets count only beside the strict ones', async () => {
    expect(await passed(60)).toBe(60);
    world.be('refusing');
    expect(await passed(9)).toBe(3);
    world.empty();
    await heal();
    expect(log.lines.at(-1)).toContain('"emptied":true');
    expect(await passed(100)).toBeLessThanOrEqual(1);
    world.clock.advance(20);
    expect(await passed(100)).toBe(10);
    // A minute later its bucket would have been full in any case.
    world.clock.advance(60);
    expect(await passed(100)).toBe(60);
  });

  it('a bucket made anew by someone who fills the memory begins with a tenth again', async () => {
    kv = guarded({ maxBuckets: 10 });
    world.be('refusing');
    expect(await passed(5)).toBe(3);
    for (let index = 0; index < 100; index += 1) await kv.take(`other ${index}`, minute);
    expect(await passed(5)).toBe(3);
  });

  it('an error that is not about the store being away changes nothing', async () => {
    await expect(kv.take('k', { capacity: 0, refillPerSecond: 1 })).rejects.toThrow(RangeError);
    expect(log.lines).toEqual([]);
  });

  it('a ping tells the truth, and begins the way back', async () => {
    world.be('refusing');
    await expect(kv.ping()).rejects.toMatchObject({ code: 'unavailable' });
    expect(log.lines).toHaveLength(1);
    world.be('up');
    await kv.ping();
    await settled();
    expect(log.lines).toHaveLength(2);
  });
});

describe('F-29 the mark by which a store that came back empty is told', () => {
  it.each(['take', 'ping'] as const)('is renewed by a %s: a blip after days refuses nobody', async (by) => {
    const { clock, line, be } = breakable();
    const kv = createOutage({ whenDown: 'local', share: 0.5, clock, log: keepingLog() }).guard(line);
    await kv.take('k', minute);
    for (let hour = 0; hour < 50; hour += 1) {
      clock.advance(3_600_000);
      await (by === 'take' ? kv.take('other', minute) : kv.ping());
      await settled();
    }
    be('refusing');
    await kv.take('k', minute);
    be('up');
    clock.advance(300);
    await kv.take('k', minute);
    await settled();
    const answers = [];
    for (let index = 0; index < 30; index += 1) answers.push(await kv.take('fresh', minute));
    expect(answers.filter(({ allowed }) => !allowed)).toEqual([]);
  });

  it('F-28 is written again before a store counts as back: one that only reads is away', async () => {
    const { clock, line, be } = breakable();
    let isReadOnly = false;
    const refused = (): Promise<never> => Promise.reject(unavailable('it is a read-only replica'));
    const half: KeyValue = {
      ...line,
      set: (...set) => (isReadOnly ? refused() : line.set(...set)),
      take: (...take) => (isReadOnly ? refused() : line.take(...take)),
    };
    const log = keepingLog();
    const kv = createOutage({ whenDown: 'local', share: 0.5, clock, log }).guard(half);
    await kv.take('k', minute);
    await settled();
    isReadOnly = true;
    be('up');
    for (let second = 0; second < 5; second += 1) {
      await kv.take('k', minute);
      await settled();
      clock.advance(1_000);
    }
    expect(log.lines.map((text) => text.split(' {')[0])).toEqual(['warn key-value store is away']);
  });
});
