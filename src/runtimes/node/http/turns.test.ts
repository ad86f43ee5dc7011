import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

describe('F-11 the turns of requests', () => {
  it('begin at once while nothing waits', async () => {
    const turns = createTurns();
    const begun: string[] = [];
    turns('a', () => begun.push('a'));
    expect(begun).toEqual(['a']);
    await nextTurn();
    turns('a', () => begun.push('a'));
    expect(begun).toEqual(['a', 'a']);
  });

  it('let few begin in a turn of the loop, and one of another party before the many of the first', async () => {
    const turns = createTurns();
    const begun: string[] = [];
    const most: number[] = [];
    for (let n = 0; n < 100; n += 1) turns('many', () => begun.push('many'));
    turns('one', () => begun.push('one'));
    while (begun.length < 101) {
      const before = begun.length;
      await nextTurn();
      most.push(begun.length - before);
    }
    expect(begun.indexOf('one')).toBeLessThan(8);
    expect(Math.max(...most)).toBeLessThanOrEqual(8);
    expect(begun.filter((party) => party === 'many')).toHaveLength(100);
  });

  it('all begin, once each', async () => {
    const turns = createTurns();
    const begun: number[] = [];
    for (let n = 0; n < 20; n += 1) turns(n % 2, () => begun.push(n));
    while (begun.length < 20) await nextTurn();
    expect(begun.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });
});
