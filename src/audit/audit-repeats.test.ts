import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditDraft, Linked } from '../../domain/audit/chain.ts';
import { createRepeatedRefusals, type RefusalMinutes } from './audit-repeats.ts';

const clock = { now: () => new Date() };

const draft = (code: 'rate_limited' | 'forbidden', bytesOut = 0): AuditDraft => ({
  at: clock.now(),
  grantId: '7d4cd0c2-8f0e-4b92-9a55-1b9c2f4a9f10',
  peerId: null,
  subjectUserId: null,
  actorUserId: null,
  verb: 'unknown',
  resource: null,
  action: null,
  queryHash: 'a'.repeat(64),
  outcome: 'denied',
  reasonCode: code,
  status: 429,
  bytesOut,
  latencyMs: 1,
  traceId: 'b'.repeat(32),
});

const repeated = (kept?: RefusalMinutes) => {
  const recorded: AuditDraft[] = [];
  const repeats = createRepeatedRefusals(
    (one) => {
      recorded.push(one);
      return { entry: one } as unknown as Linked;
    },
    clock,
    kept,
  );
  const told = () => recorded.map(({ action, reasonCode }) => [reasonCode, action]);
  return { repeats, recorded, told };
};

describe('F-6 repeated refusals', () => {
  beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-01-01T00:00:30Z') }));
  afterEach(() => void vi.useRealTimers());

  it('the first of each kind in a minute is an entry at once, the others are one entry at its end', () => {
    const { repeats, recorded, told } = repeated();
    for (let n = 0; n < 2_000; n += 1) {
      const linked = [
        repeats.note('x 429', draft('rate_limited')),
        repeats.note('x 403', draft('forbidden')),
      ];
      expect(linked.map((one) => one !== null)).toEqual([n === 0, n === 0]);
    }
    expect(told()).toEqual([
      ['rate_limited', null],
      ['forbidden', null],
    ]);
    vi.advanceTimersByTime(29_000);
    expect(recorded).toHaveLength(2);
    vi.advanceTimersByTime(1_000);
    expect(told().slice(2)).toEqual([
      ['rate_limited', 'counted:1999'],
      ['forbidden', 'counted:1999'],
    ]);
    expect(recorded[2]).toMatchObject({
      at: new Date('2026-01-01T00:01:00Z'),
      queryHash: null,
      traceId: null,
    });
    vi.advanceTimersByTime(600_000);
    expect(recorded).toHaveLength(4);
  });

  it('a new minute begins with an entry, and one refusal alone is one entry', () => {
    const { repeats, told } = repeated();
    for (let minute = 0; minute < 3; minute += 1) {
      repeats.note('x', draft('rate_limited'));
      vi.advanceTimersByTime(60_000);
    }
    expect(told()).toEqual(Array.from({ length: 3 }, () => ['rate_limited', null]));
  });

  it('shutdown records what was counted', () => {
    const { repeats, told } = repeated();
    for (let n = 0; n < 3; n += 1) repeats.note('x', draft('rate_limited'));
    repeats.flush();
    repeats.flush();
    expect(told()).toEqual([
      ['rate_limited', null],
      ['rate_limited', 'counted:2'],
    ]);
  });

  it('is bounded in kinds, and loses no number of what gives way', () => {
    const { repeats, told } = repeated();
    repeats.note('first', draft('forbidden'));
    repeats.note('first', draft('forbidden'));
    for (let n = 0; n < 10_000; n += 1) repeats.note(`kind ${n}`, draft('rate_limited'));
    expect(told().filter(([code]) => code === 'forbidden')).toEqual([
      ['forbidden', null],
      ['forbidden', 'counted:1'],
    ]);
    repeats.flush();
  });

  it('are counted together over the requests of a runtime that starts anew for each', () => {
    const kept: RefusalMinutes = new Map();
    const requests = Array.from({ length: 100 }, () => {
      const { repeats, told } = repeated(kept);
      const linked = repeats.note('x 429', draft('rate_limited'));
      repeats.flush();
      return [linked !== null, ...told()];
    });
    expect(requests.filter(([isOwn]) => isOwn)).toEqual([[true, ['rate_limited', null]]]);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(60_000);
    const { repeats, told } = repeated(kept);
    repeats.note('x 403', draft('forbidden'));
    expect(told()).toEqual([
      ['rate_limited', 'counted:99'],
      ['forbidden', null],
    ]);
    expect([...kept.keys()]).toEqual(['x 403']);
  });
});
