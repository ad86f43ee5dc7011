import { describe, expect, it } from 'vitest';
import type { TraceOrigin } from '../ports/telemetry.ts';
import { createSampler } from './sampling.ts';

const PARENT = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const YES = { ...PARENT, isSampled: true };
const NO = { ...PARENT, isSampled: false };

const setUp = (ratio: number, wishesPerSecond: number) => {
  let at = 0;
  let drawn = 0;
  // 0, 0.01, … 0.99, and again: of a hundred draws exactly `ratio` of them are below it.
  const chance = (): number => (drawn++ % 100) / 100;
  const sample = createSampler({ ratio, wishesPerSecond }, { now: () => at, chance });
  const taken = (times: number, parent: typeof YES | null, origin: TraceOrigin): number =>
    Array.from({ length: times }, () => sample(parent, origin)).filter(Boolean).length;
  return { taken, wait: (milliseconds: number) => (at += milliseconds) };
};

describe('sampling', () => {
  it('draws the ratio where nobody decides', () => {
    expect(setUp(0.1, 10).taken(1_000, null, 'client')).toBe(100);
    expect(setUp(0, 10).taken(1_000, null, 'peer')).toBe(0);
    expect(setUp(1, 10).taken(1_000, null, 'gateway')).toBe(1_000);
  });

  it('M5-7 follows a sender that records, so that a trace is whole', () => {
    expect(setUp(0, 10).taken(10, YES, 'peer')).toBe(10);
    expect(setUp(0, 10).taken(10, YES, 'client')).toBe(10);
  });

  it('a sender can not make us record everything: beyond the budget it is drawn like any other', () => {
    const { taken, wait } = setUp(0.1, 10);
    expect(taken(1_010, YES, 'peer')).toBe(10 + 100);
    wait(500);
    expect(taken(1_005, YES, 'peer')).toBe(5 + 100);
    wait(3_600_000);
    expect(taken(1_010, YES, 'peer')).toBe(10 + 100);
  });

  it('a budget of 0 follows nobody', () => {
    expect(setUp(0, 0).taken(100, YES, 'peer')).toBe(0);
  });

  it('follows the no of a person’s program, and draws in spite of a peer’s', () => {
    expect(setUp(1, 10).taken(100, NO, 'client')).toBe(0);
    expect(setUp(0.1, 10).taken(1_000, NO, 'peer')).toBe(100);
  });

  it('a clock that goes back gives nothing away', () => {
    const { taken, wait } = setUp(0, 10);
    expect(taken(10, YES, 'peer')).toBe(10);
    wait(-10_000);
    expect(taken(10, YES, 'peer')).toBe(0);
  });
});
