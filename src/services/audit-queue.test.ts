import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditEntry } from '../../domain/audit/entry.ts';
import { MosaicError } from '../../domain/errors.ts';
import { createAuditQueue, type AuditQueueOptions } from './audit-queue.ts';

const entry = (id: number): AuditEntry => ({
  id: String(id),
  at: new Date(0),
  grantId: null,
  peerId: null,
  subjectUserId: null,
  actorUserId: null,
  verb: 'list',
  resource: null,
  action: null,
  queryHash: null,
  outcome: 'allowed',
  reasonCode: null,
  status: 200,
  bytesOut: 0,
  latencyMs: 0,
  traceId: null,
});

const setUp = (options: Partial<AuditQueueOptions> = {}) => {
  const written: string[][] = [];
  const alerts: string[] = [];
  const state = { isAway: false, refused: new Set<string>(), hang: null as Promise<void> | null };
  const note = (message: string): void => void alerts.push(message);
  const queue = createAuditQueue({
    store: {
      insertMany: async (entries) => {
        if (state.hang !== null) await state.hang;
        if (state.isAway) throw new MosaicError('database_unavailable');
        if (entries.some(({ id }) => state.refused.has(id))) throw new Error('refused');
        written.push(entries.map(({ id }) => id));
      },
    },
    clock: { now: () => new Date() },
    log: { debug: note, info: note, warn: note, error: note },
    capacity: 100,
    flushMs: 250,
    batch: 10,
    ...options,
  });
  const record = (from: number, count: number): void => {
    for (let id = from; id < from + count; id += 1) queue.record(entry(id));
  };
  return { queue, written, alerts, state, record };
};

describe('the audit queue', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('writes what came in within the flush time, in order, in batches', async () => {
    const { queue, written, record } = setUp();
    record(0, 4);
    expect(written).toEqual([]);
    await vi.advanceTimersByTimeAsync(250);
    expect(written).toEqual([['0', '1', '2', '3']]);
    record(4, 25);
    await vi.advanceTimersByTimeAsync(1);
    expect(written.map(({ length }) => length)).toEqual([4, 10, 10, 5]);
    expect(written.flat()).toEqual(Array.from({ length: 29 }, (_, id) => String(id)));
    expect(queue.counters).toEqual({ accepted: 29, written: 29, dropped: 0 });
  });

  it('X-37 while the database is away: bounded, accepted = written + dropped exactly, one alert', async () => {
    const { queue, written, alerts, state, record } = setUp();
    state.isAway = true;
    record(0, 50);
    await vi.advanceTimersByTimeAsync(30_000);
    record(50, 200);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(queue.counters).toEqual({ accepted: 250, written: 0, dropped: 150 });
    state.isAway = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(written.flat()).toEqual(Array.from({ length: 100 }, (_, id) => String(id)));
    expect(queue.counters).toEqual({ accepted: 250, written: 100, dropped: 150 });
    expect(alerts.filter((message) => message.includes('dropped'))).toHaveLength(1);
    expect(alerts.at(-1)).toBe('audit entries are being written again');
  });

  it('M4-8 recording never waits, also when the database hangs', async () => {
    const { queue, state, record } = setUp();
    let letGo = (): void => {};
    state.hang = new Promise((resolve) => (letGo = resolve));
    record(0, 20);
    await vi.advanceTimersByTimeAsync(60_000);
    record(20, 200);
    expect(queue.counters).toEqual({ accepted: 220, written: 0, dropped: 120 });
    state.hang = null;
    letGo();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(queue.counters).toEqual({ accepted: 220, written: 100, dropped: 120 });
  });

  it('loses one entry that the database refuses, and no other', async () => {
    const { queue, written, state, record } = setUp();
    state.refused = new Set(['3', '8']);
    record(0, 10);
    await queue.flush();
    expect(written.flat()).toEqual(['0', '1', '2', '4', '5', '6', '7', '9']);
    expect(queue.counters).toEqual({ accepted: 10, written: 8, dropped: 2 });
  });

  it('flush waits for what was accepted before it, not for what comes later', async () => {
    const { queue, written, record } = setUp();
    await queue.flush();
    record(0, 3);
    const flushed = queue.flush();
    record(3, 30);
    await flushed;
    expect(written.flat()).toContain('2');
    await queue.flush();
    expect(queue.counters.written).toBe(33);
  });

  it('drains when it stops, and drops what comes later', async () => {
    const { queue, written, record } = setUp();
    record(0, 30);
    await queue.stop(1_000);
    expect(written.flat()).toHaveLength(30);
    record(30, 2);
    expect(queue.counters).toEqual({ accepted: 32, written: 30, dropped: 2 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stops in time when the database does not come back, and counts what is lost', async () => {
    const { queue, state, record } = setUp();
    state.isAway = true;
    record(0, 30);
    const stopped = queue.stop(2_000);
    await vi.advanceTimersByTimeAsync(2_000);
    await stopped;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(queue.counters).toEqual({ accepted: 30, written: 0, dropped: 30 });
    expect(vi.getTimerCount()).toBe(0);
  });
});
