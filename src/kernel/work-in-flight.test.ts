import { describe, expect, it } from 'vitest';
import type { HeldWork } from '../../domain/ports/work.ts';
import { createWorkInFlight, WORK_LIMITS, type WorkLimits } from './work-in-flight.ts';

const LIMITS: WorkLimits = {
  ...WORK_LIMITS,
  bytes: 100,
  partyBytes: 30,
  partyRunning: 4,
  sendingBytes: 60,
  waiting: 40,
  partyWaiting: 20,
  waitMs: 60_000,
};
const owner = (party: string, holder = party) => ({ party, holder });
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Notes who was let in, in order. */
const gate = (limits: Partial<WorkLimits> = {}) => {
  const work = createWorkInFlight({ ...LIMITS, ...limits });
  const started: string[] = [];
  const held: HeldWork[] = [];
  const enter = (party: string, bytes: number, holder = party): Promise<HeldWork> => {
    const entering = work.enter(owner(party, holder), bytes);
    const note = async (): Promise<void> => {
      const one = await entering;
      started.push(holder);
      held.push(one);
    };
    note().catch(() => undefined);
    return entering;
  };
  const releaseFirst = async (): Promise<void> => {
    held.shift()?.release();
    await turn();
  };
  return { work, enter, started, held, releaseFirst };
};

describe('F-5 work in flight', () => {
  it('has a bound of its own for a peer, whoever its grants are of', async () => {
    const work = createWorkInFlight({ ...LIMITS, peerBytes: 20 });
    const first = await work.enter({ party: 'peer', holder: 'one', isPeer: true }, 20);
    let isIn = false;
    const second = work.enter({ party: 'peer', holder: 'two', isPeer: true }, 20).then((held) => {
      isIn = true;
      return held;
    });
    const person = await work.enter(owner('person'), 30);
    await turn();
    expect(isIn).toBe(false);
    first.release();
    (await second).release();
    person.release();
    expect(work.state).toEqual({ bytes: 0, sending: 0, waiting: 0 });
  });

  it('is bounded in bytes for one party, which then waits and is not refused', async () => {
    const { work, enter, started, releaseFirst } = gate();
    for (let n = 0; n < 10; n += 1) void enter('mallory', 15);
    await turn();
    expect([started.length, work.state]).toEqual([2, { bytes: 30, sending: 0, waiting: 8 }]);
    for (let n = 0; n < 10; n += 1) await releaseFirst();
    expect([started.length, work.state]).toEqual([10, { bytes: 0, sending: 0, waiting: 0 }]);
  });

  it('one party at its limit holds up nobody else', async () => {
    const { enter, started } = gate();
    for (let n = 0; n < 10; n += 1) void enter('mallory', 15);
    await turn();
    await enter('alice', 30);
    await enter('bob', 30);
    expect(started).toEqual(['mallory', 'mallory', 'alice', 'bob']);
  });

  it('turns go round the parties, and in a party round its grants: many grants of one peer gain nothing', async () => {
    const { enter, started, releaseFirst } = gate({ bytes: 10, partyBytes: 10 });
    void enter('other', 10, 'first');
    await turn();
    for (let n = 0; n < 4; n += 1) void enter('mallory', 10, `grant ${n}`);
    for (let n = 0; n < 2; n += 1) void enter('mallory', 10, 'grant 0');
    for (let n = 0; n < 3; n += 1) void enter('alice', 10);
    for (let n = 0; n < 10; n += 1) await releaseFirst();
    expect(started).toEqual([
      'first',
      'grant 0',
      'alice',
      'grant 1',
      'alice',
      'grant 2',
      'alice',
      'grant 3',
      'grant 0',
      'grant 0',
    ]);
  });

  it('large work is not passed over for ever by small work', async () => {
    const { enter, started, releaseFirst } = gate({ bytes: 20, partyBytes: 20 });
    void enter('a', 10);
    void enter('b', 10);
    void enter('large', 20);
    await turn();
    for (let n = 0; n < 5; n += 1) void enter(`small ${n}`, 10);
    await releaseFirst();
    expect(started).toEqual(['a', 'b']);
    await releaseFirst();
    expect(started).toEqual(['a', 'b', 'large']);
    await releaseFirst();
    expect(started).toEqual(['a', 'b', 'large', 'small 0', 'small 1']);
  });

  it('work larger than every limit runs alone', async () => {
    const { enter, started, releaseFirst } = gate();
    void enter('a', 1_000);
    void enter('a', 1_000);
    await turn();
    expect(started).toEqual(['a']);
    await releaseFirst();
    expect(started).toEqual(['a', 'a']);
  });

  it('a full queue answers 503 with Retry-After at once, of one party first', async () => {
    const { work, enter } = gate();
    for (let n = 0; n < 22; n += 1) void enter('mallory', 15);
    const from = performance.now();
    await expect(enter('mallory', 15)).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(work.state.waiting).toBe(20);
    await enter('alice', 30);
    for (let n = 0; n < 20; n += 1) void enter('alice', 1);
    await expect(enter('carol', 100)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('who waits too long gets 503, and its place is free again', async () => {
    const { work, enter, started, releaseFirst } = gate({ waitMs: 20 });
    void enter('a', 30);
    await expect(enter('a', 30)).rejects.toMatchObject({ code: 'unavailable' });
    expect(work.state.waiting).toBe(0);
    void enter('a', 30);
    await releaseFirst();
    expect(started).toEqual(['a', 'a']);
  });

  it('who waited in vain while others had all the room has a turn when it comes again', async () => {
    const { enter, started, releaseFirst } = gate({ bytes: 30, waitMs: 40 });
    void enter('alice', 30);
    await expect(enter('late', 30)).rejects.toMatchObject({ code: 'unavailable' });
    const again = enter('late', 30);
    await releaseFirst();
    await again;
    expect(started).toEqual(['alice', 'late']);
  });

  it('an answer nobody reads holds up its own party alone', async () => {
    const { work, enter, started, held } = gate();
    await enter('slow', 30);
    held.shift()?.send(30, () => undefined);
    void enter('slow', 10);
    await enter('alice', 30);
    expect([started, work.state]).toEqual([['slow', 'alice'], { bytes: 30, sending: 30, waiting: 1 }]);
  });

  it('answers that nobody reads are cut off, the oldest of the party with the most, when they take too much', async () => {
    const { work, enter, held } = gate();
    const cut: string[] = [];
    const sendOne = async (party: string, bytes: number): Promise<void> => {
      await enter(party, bytes);
      held.pop()?.send(bytes, () => cut.push(`${party} ${bytes}`));
    };
    await sendOne('slow', 14);
    await sendOne('slow', 15);
    await sendOne('alice', 20);
    await sendOne('bob', 12);
    expect([cut, work.state.sending]).toEqual([['slow 14'], 47]);
  });

  it('growing never waits, and keeps newcomers of that party out', async () => {
    const { work, enter, started, held } = gate();
    await enter('a', 1);
    held[0]?.grow(200);
    void enter('a', 1);
    void enter('b', 1);
    await turn();
    expect([started, work.state.bytes]).toEqual([['a'], 201]);
    held[0]?.release();
    held[0]?.release();
    await turn();
    expect([started, work.state.bytes]).toEqual([['a', 'a', 'b'], 2]);
  });
});
