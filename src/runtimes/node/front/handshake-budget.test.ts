import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHandshakeBudget, type HandshakeAccount } from './handshake-budget.ts';

const LIMITS = {
  handshakeMsPerAddress: 25,
  handshakeMsTogether: 50,
  handshakeBurstMs: 100,
};
const DEAR_MS = 28;
const CHEAP_MS = 1;
const ATTACKER = '192.0.2.66';
const PEER = '198.51.100.1';
const STRANGER = '203.0.113.5';

// The loop turns by itself; time goes on when a test says.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A budget whose clocks are steered: work takes as long as a test says. */
const steered = (limits = LIMITS) => {
  let cpu = 0;
  const told: string[] = [];
  const accountFor = createHandshakeBudget(limits, (address) => told.push(address), {
    now: () => performance.now(),
    cpu: () => cpu,
  });
  const done: string[] = [];
  const spend = (account: HandshakeAccount, ms: number): void => {
    account.begin();
    cpu += ms;
    account.end();
  };
  /** A handshake, which takes so long when its turn comes. @returns what takes it back */
  const handshake = (address: string, ms: number, isPeer = false): (() => void) => {
    const account = accountFor(address);
    return account.turn(() => {
      done.push(address);
      spend(account, ms);
      if (isPeer) account.proven();
    });
  };
  const count = (address: string): number => done.filter((one) => one === address).length;
  return { done, told, handshake, count };
};

/** Turns of the loop that take no time. */
const turnLoop = async (turns = 20): Promise<void> => {
  for (let turn = 0; turn < turns; turn += 1) await nextTurn();
};

const STEP_MS = 20;
const pass = async (ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    vi.advanceTimersByTime(STEP_MS);
    await turnLoop(3);
  }
};

describe('F-1 N-9 what handshakes may take of the loop', () => {
  it('begins at once while nothing has been used', () => {
    const { handshake, done, told } = steered();
    handshake(ATTACKER, CHEAP_MS);
    expect([done, told]).toEqual([[ATTACKER], []]);
  });

  it('an address that has used its burst has its share a second, and not more', async () => {
    const { handshake, count, told } = steered();
    for (let n = 0; n < 400; n += 1) handshake(ATTACKER, DEAR_MS);
    await turnLoop();
    // The last of the burst begins with what is left of it.
    expect([count(ATTACKER), new Set(told)]).toEqual([4, new Set([ATTACKER])]);
    await pass(60_000);
    const used = count(ATTACKER) * DEAR_MS - LIMITS.handshakeBurstMs;
    expect(used).toBeGreaterThan(0.9 * 60 * LIMITS.handshakeMsPerAddress);
    expect(used).toBeLessThanOrEqual(60 * LIMITS.handshakeMsPerAddress + DEAR_MS);
  });

  it('of those that wait one dear one begins in a turn of the loop, and some that cost little', async () => {
    const { handshake, count } = steered();
    for (let n = 0; n < 3; n += 1) handshake(ATTACKER, DEAR_MS);
    expect(count(ATTACKER)).toBe(1);
    await nextTurn();
    expect(count(ATTACKER)).toBe(2);
    const cheap = steered();
    for (let n = 0; n < 40; n += 1) cheap.handshake(ATTACKER, 0);
    expect(cheap.count(ATTACKER)).toBe(8);
    await turnLoop();
    expect(cheap.count(ATTACKER)).toBe(40);
  });

  it('an IPv6 /64 is one address, an IPv4 address as IPv6 is that one', async () => {
    const { handshake, done } = steered({ ...LIMITS, handshakeMsTogether: 1_000_000 });
    for (let n = 0; n < 10; n += 1) handshake(`2001:db8:1:2::${n}`, 200);
    for (let n = 0; n < 10; n += 1) handshake(n % 2 === 0 ? '192.0.2.1' : '::ffff:192.0.2.1', 200);
    await pass(100);
    expect(done).toHaveLength(2);
    await pass(3_800);
    expect(done).toHaveLength(2);
    await pass(200);
    expect(done).toHaveLength(4);
  });

  it('all strangers together have a share, and a peer’s address another one', async () => {
    const { handshake, count, done } = steered();
    handshake(PEER, CHEAP_MS, true);
    for (let n = 0; n < 1_000; n += 1) handshake(`192.0.2.${n % 250}`, DEAR_MS);
    await turnLoop(200);
    expect(done.length).toBeLessThanOrEqual(6);
    handshake(PEER, CHEAP_MS);
    await turnLoop();
    expect(count(PEER)).toBe(2);
    const before = done.length;
    await pass(10_000);
    expect((done.length - before) * DEAR_MS).toBeLessThanOrEqual(10 * LIMITS.handshakeMsTogether + DEAR_MS);
  });

  it('who has used least goes first', async () => {
    const { handshake, count } = steered();
    for (let n = 0; n < 100; n += 1) handshake(`192.0.2.${n % 5}`, DEAR_MS);
    await turnLoop();
    handshake(STRANGER, CHEAP_MS);
    await pass(2_000);
    expect(count(STRANGER)).toBe(1);
  });

  it('of one address the newest goes first: those who let many wait do not keep another of it out', async () => {
    const { handshake, done } = steered();
    for (let n = 0; n < 500; n += 1) handshake(ATTACKER, DEAR_MS);
    await turnLoop();
    const before = done.length;
    const another = `::ffff:${ATTACKER}`;
    handshake(another, CHEAP_MS);
    await pass(2_000);
    expect(done[before]).toBe(another);
  });

  it('what a peer’s handshakes take counts a tenth', async () => {
    const { handshake, count } = steered();
    for (let n = 0; n < 900; n += 1) {
      handshake(PEER, CHEAP_MS, true);
      await nextTurn();
    }
    expect(count(PEER)).toBe(900);
  });

  it('and a peer who does nothing but shake hands has a share too', async () => {
    const { handshake, count } = steered();
    const ms = 10;
    for (let seconds = 0; seconds < 10; seconds += 1)
      for (let n = 0; n < 100; n += 1) {
        handshake(PEER, ms, true);
        await nextTurn();
        vi.advanceTimersByTime(10);
      }
    const most = (LIMITS.handshakeBurstMs + 10 * LIMITS.handshakeMsPerAddress) / (ms / 10);
    expect(count(PEER)).toBeGreaterThan(0.8 * most);
    expect(count(PEER)).toBeLessThan(1.1 * most);
  });

  it('who has gone is not waited for, and takes nothing', async () => {
    const { handshake, done } = steered();
    const gone = Array.from({ length: 100 }, () => handshake(ATTACKER, DEAR_MS));
    await turnLoop();
    const before = done.length;
    for (const takeBack of gone) takeBack();
    await pass(60_000);
    expect(done).toHaveLength(before);
    // Nothing is left to look after.
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a peer’s address stays known however many strangers come, and is a stranger’s again after an hour', async () => {
    const { handshake, count } = steered();
    const flood = (): void => {
      for (let n = 0; n < 10_000; n += 1) handshake(`10.${n % 10}.${n >> 8}.${n & 255}`, DEAR_MS)();
    };
    handshake(PEER, CHEAP_MS, true);
    flood();
    await turnLoop();
    handshake(PEER, CHEAP_MS);
    await turnLoop();
    expect(count(PEER)).toBe(2);
    vi.advanceTimersByTime(3_600_000);
    for (let n = 0; n < 40; n += 1) handshake(`192.0.2.${n}`, 100);
    await turnLoop();
    handshake(PEER, CHEAP_MS);
    await turnLoop();
    expect(count(PEER)).toBe(2);
  });
});
