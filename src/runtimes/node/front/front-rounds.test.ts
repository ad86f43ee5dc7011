import { describe, expect, it } from 'vitest';
import type { Crl } from '../../../../ca/authority.ts';
import type { LogFields } from '../../../../domain/ports/basics.ts';
import { createFrontRounds, FrontRefused } from './front-rounds.ts';

const START = Date.UTC(2026, 10, 29);
const HOUR_MS = 3_600_000;

const setUp = () => {
  let now = START;
  const alerts: LogFields[] = [];
  const silent = (): void => undefined;
  const log = { debug: silent, info: silent, warn: silent };
  const state = {
    list: (): Promise<Crl> => Promise.resolve(listFrom(START, 1n)),
    update: (_list: Crl | null): Promise<void> => Promise.resolve(),
  };
  const listFrom = (at: number, number: bigint): Crl => ({
    der: new Uint8Array(),
    pem: '',
    number,
    thisUpdate: new Date(at),
    nextUpdate: new Date(at + 24 * HOUR_MS),
  });
  const rounds = createFrontRounds(
    {
      ca: { crl: () => state.list() },
      clock: { now: () => new Date(now) },
      log: { ...log, error: (_message, fields = {}) => void alerts.push(fields) },
    },
    new Map(),
    (list) => state.update(list),
  );
  return {
    state,
    rounds,
    listFrom,
    pass: (hours: number): void => void (now += hours * HOUR_MS),
    alertsOfRound: async (): Promise<readonly unknown[]> => {
      alerts.length = 0;
      await rounds.refresh();
      return alerts.map(({ alert }) => alert);
    },
    last: () => alerts.at(-1),
  };
};

describe('the rounds of a front', () => {
  it('X-71 crl_expiring: an alert as soon as half of the list’s life is over and none follows (H-8), until one does', async () => {
    const { state, rounds, listFrom, pass, alertsOfRound, last } = setUp();
    expect([await alertsOfRound(), rounds.isStale()]).toEqual([[], false]);
    // The authority answers with what it has: nothing is wrong but the time that passes.
    pass(11.9);
    expect([await alertsOfRound(), rounds.isStale()]).toEqual([[], false]);
    pass(0.2);
    expect([await alertsOfRound(), rounds.isStale()]).toEqual([['crl_expiring'], true]);
    expect(last()).toMatchObject({ minutes_left: 714, next_update: '2026-11-30T00:00:00.000Z' });
    state.list = () => Promise.resolve(listFrom(START + 18 * HOUR_MS, 2n));
    expect([await alertsOfRound(), rounds.isStale()]).toEqual([[], false]);
  });

  it('X-71 crl_expiring beside front_stale while the authority is away, and to the end', async () => {
    const { state, rounds, pass, alertsOfRound, last } = setUp();
    await alertsOfRound();
    state.list = () => Promise.reject(new Error('away'));
    expect([await alertsOfRound(), rounds.isStale()]).toEqual([['front_stale'], true]);
    pass(20);
    expect(await alertsOfRound()).toEqual(['front_stale', 'crl_expiring']);
    pass(5);
    expect(await alertsOfRound()).toEqual(['front_stale', 'crl_expiring']);
    expect(last()).toMatchObject({ minutes_left: -60 });
  });

  it('X-53 front_stale: a list that is older or expired is not handed on, one that the front refuses is counted', async () => {
    const { state, rounds, listFrom, alertsOfRound } = setUp();
    state.list = () => Promise.resolve(listFrom(START, 5n));
    expect(await alertsOfRound()).toEqual([]);
    const handed: unknown[] = [];
    state.update = async (list) => void handed.push(list?.number ?? null);
    state.list = () => Promise.resolve(listFrom(START, 4n));
    expect([await alertsOfRound(), rounds.refusedLists()]).toEqual([['front_stale'], 1]);
    state.list = () => Promise.resolve(listFrom(START - 25 * HOUR_MS, 6n));
    expect([await alertsOfRound(), rounds.refusedLists()]).toEqual([['front_stale'], 2]);
    // The one in force stays.
    expect(handed).toEqual([null, null]);
    state.list = () => Promise.resolve(listFrom(START, 6n));
    state.update = () => Promise.reject(new FrontRefused('nginx -t: no'));
    expect([await alertsOfRound(), rounds.refusedLists(), rounds.isStale()]).toEqual([
      ['front_stale'],
      3,
      true,
    ]);
    state.update = () => Promise.resolve();
    expect([await alertsOfRound(), rounds.isStale()]).toEqual([[], false]);
  });

  const slow = () => {
    const under = setUp();
    const waiting: (() => void)[] = [];
    let asked = 0;
    under.state.list = async () => {
      asked += 1;
      const number = BigInt(asked);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return under.listFrom(START, number);
    };
    return { ...under, asked: () => asked, answer: () => waiting.shift()?.() };
  };
  const isDone = async (work: Promise<void>): Promise<boolean> =>
    Promise.race([
      work.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 0)),
    ]);

  it('M6-1 a refresh that comes during a round has another one follow it, and waits for that', async () => {
    const { rounds, asked, answer } = slow();
    const first = rounds.refresh();
    const second = rounds.refresh();
    answer();
    await expect.poll(asked).toBe(2);
    expect([await isDone(first), await isDone(second)]).toEqual([true, false]);
    answer();
    await Promise.all([first, second]);
    expect(asked()).toBe(2);
  });

  it('M6-1 a hundred during a round have one follow it, and nobody waits for the rounds of those who come later', async () => {
    const { rounds, asked, answer } = slow();
    const first = rounds.refresh();
    const burst = Array.from({ length: 100 }, () => rounds.refresh());
    answer();
    await first;
    await expect.poll(asked).toBe(2);
    const late = rounds.refresh();
    answer();
    await Promise.all(burst);
    await expect.poll(asked).toBe(3);
    expect(await isDone(late)).toBe(false);
    answer();
    await late;
    expect(asked()).toBe(3);
  });
});
