import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toMosaicError } from '../../db/driver/errors.ts';
import type { AuditDraft } from '../../domain/audit/chain.ts';
import type { AuditEntry } from '../../domain/audit/entry.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { SignedGap } from '../../domain/ports/audit.ts';
import type { AuditCounters } from '../app/deps.ts';
import { createAuditChains } from './audit-chains.ts';
import type { AuditQueueOptions } from './audit-queue-options.ts';
import { createAuditQueue } from './audit-queue.ts';
import { sha256 } from '../kernel/mac.ts';

const refusal = (code = '22P05') => toMosaicError(Object.assign(new Error('refused'), { code }));

const draft = (id: number, outcome: AuditEntry['outcome'] = 'allowed'): AuditDraft => ({
  at: new Date(id),
  grantId: null,
  peerId: null,
  subjectUserId: null,
  actorUserId: null,
  verb: 'list',
  resource: null,
  action: null,
  queryHash: String(id),
  outcome,
  reasonCode: null,
  status: 200,
  bytesOut: 0,
  latencyMs: 0,
  traceId: null,
});

const setUp = (options: Partial<AuditQueueOptions> = {}) => {
  const written: string[][] = [];
  const gaps: SignedGap[] = [];
  const alerts: string[] = [];
  const state = {
    isAway: false,
    failure: null as Error | null,
    refused: new Set<string>(),
    hang: null as Promise<void> | null,
  };
  const note = (message: string): void => void alerts.push(message);
  const reach = async (): Promise<void> => {
    if (state.hang !== null) await state.hang;
    if (state.isAway) throw new MosaicError('database_unavailable');
    if (state.failure !== null) throw state.failure;
  };
  const chains = createAuditChains({ writerId: crypto.randomUUID(), hash: sha256 });
  const queue = createAuditQueue({
    store: {
      insertMany: async (entries) => {
        await reach();
        if (entries.some(({ queryHash }) => state.refused.has(queryHash ?? ''))) throw refusal();
        written.push(entries.map(({ queryHash }) => queryHash ?? ''));
      },
    },
    chainStore: {
      openWriter: reach,
      touchWriter: reach,
      insertGaps: async (more) => {
        await reach();
        gaps.push(...more);
      },
      recordSeen: reach,
    },
    chains,
    // Signatures have tests of their own; real ones would not come to an end under fake timers.
    signer: { publicKey: '', sign: async (text) => text, verify: async () => false },
    clock: { now: () => new Date() },
    log: { debug: note, info: note, warn: note, error: note },
    capacity: 100,
    flushMs: 250,
    batch: 10,
    strictMs: 1_000,
    ...options,
  });
  const record = (from: number, count: number, outcome?: AuditEntry['outcome']): void => {
    for (let id = from; id < from + count; id += 1) queue.record(draft(id, outcome));
  };
  return { queue, chains, written, gaps, alerts, state, record };
};

const counts = ({ accepted, written, dropped }: AuditCounters) => ({ accepted, written, dropped });

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
    expect(counts(queue.counters)).toEqual({ accepted: 29, written: 29, dropped: 0 });
  });

  it('X-37 while the database is away: bounded, accepted = written + dropped exactly, one alert', async () => {
    const { queue, written, alerts, state, record } = setUp();
    state.isAway = true;
    record(0, 50);
    await vi.advanceTimersByTimeAsync(30_000);
    record(50, 200);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(counts(queue.counters)).toEqual({ accepted: 250, written: 0, dropped: 150 });
    state.isAway = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(written.flat()).toEqual(Array.from({ length: 100 }, (_, id) => String(id)));
    expect(counts(queue.counters)).toEqual({ accepted: 250, written: 100, dropped: 150 });
    expect(alerts.filter((message) => message.includes('dropped'))).toHaveLength(1);
    expect(
      alerts.filter((message) => message === 'the audit log cannot be written; check the database'),
    ).toHaveLength(1);
    expect(alerts.at(-1)).toBe('audit entries are being written again');
  });

  it('F-21 a log that can not be written is told of by the second try of ten seconds, not by the third', async () => {
    const insertMany = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      throw new MosaicError('database_unavailable');
    };
    const { queue, alerts } = setUp({ store: { insertMany } });
    queue.record(draft(1));
    await vi.advanceTimersByTimeAsync(21_000);
    expect(alerts).toContain('the audit log cannot be written; check the database');
  });

  it('M4-8 recording never waits, also when the database hangs', async () => {
    const { queue, state, record } = setUp();
    let letGo = (): void => {};
    state.hang = new Promise((resolve) => (letGo = resolve));
    record(0, 20);
    await vi.advanceTimersByTimeAsync(60_000);
    record(20, 200);
    expect(counts(queue.counters)).toEqual({ accepted: 220, written: 0, dropped: 120 });
    state.hang = null;
    letGo();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(counts(queue.counters)).toEqual({ accepted: 220, written: 100, dropped: 120 });
  });

  it('loses one entry that the database refuses, and no other', async () => {
    const { queue, written, state, record } = setUp();
    state.refused = new Set(['3', '8']);
    record(0, 10);
    await queue.flush();
    expect(written.flat()).toEqual(['0', '1', '2', '4', '5', '6', '7', '9']);
    expect(counts(queue.counters)).toEqual({ accepted: 10, written: 8, dropped: 2 });
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
    expect(counts(queue.counters)).toEqual({ accepted: 32, written: 30, dropped: 2 });
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
    expect(counts(queue.counters)).toEqual({ accepted: 30, written: 0, dropped: 30 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['25006', '28P01', '42501', '3D000', '53300', '57P01', 'XX000', '42P01', '42601'])(
    'F-21 loses no entry while the database answers %s, in batches or singly',
    async (code) => {
      const { queue, written, gaps, state, record } = setUp();
      state.failure = refusal(code);
      record(0, 30);
      await vi.advanceTimersByTimeAsync(30_000);
      record(30, 1);
      await vi.advanceTimersByTimeAsync(30_000);
      expect(counts(queue.counters)).toEqual({ accepted: 31, written: 0, dropped: 0 });
      state.failure = null;
      await vi.advanceTimersByTimeAsync(6_000);
      expect(written.flat()).toHaveLength(31);
      expect(counts(queue.counters)).toEqual({ accepted: 31, written: 31, dropped: 0 });
      expect(gaps).toEqual([]);
    },
  );

  it('drops allowed entries first: denials and changes take their places, and counters tell them apart', async () => {
    const { queue, written, gaps, state, record } = setUp();
    record(1_000, 1);
    await queue.flush();
    state.isAway = true;
    record(0, 100);
    await vi.advanceTimersByTimeAsync(1_000);
    record(100, 30, 'denied');
    record(130, 10);
    expect(queue.counters).toMatchObject({
      accepted: 141,
      dropped: 40,
      droppedByClass: { allowed: 40, denied: 0, error: 0, change: 0 },
    });
    record(140, 80, 'error');
    // Ten are on their way to the database and can not give way: 60 more could, and 20 could not.
    expect(queue.counters.droppedByClass).toEqual({
      allowed: 100 - 10 + 10,
      denied: 0,
      error: 20,
      change: 0,
    });
    state.isAway = false;
    await vi.advanceTimersByTimeAsync(6_000);
    const ids = written.flat().map(Number);
    expect(ids.filter((id) => id >= 100 && id < 130)).toHaveLength(30);
    expect(ids).toHaveLength(101);
    expect(counts(queue.counters)).toEqual({ accepted: 221, written: 101, dropped: 120 });
    const covered = gaps.reduce((sum, { fromSeq, toSeq }) => sum + toSeq - fromSeq + 1, 0);
    expect(covered).toBe(120);
  });

  it('what is dropped leaves its leaf: the chain can be followed through the gap', async () => {
    const { queue, chains, gaps, state, record } = setUp({ capacity: 4 });
    state.isAway = true;
    record(0, 10);
    const last = queue.record(draft(10));
    state.isAway = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(gaps).toMatchObject([{ fromSeq: 5, toSeq: 11, grantId: null, head: last.entry.head }]);
    expect(gaps[0]?.leaves).toHaveLength(7 * 64);
    expect(chains.hasGaps).toBe(false);
    expect(queue.place(last)).toBe(`1;${chains.writerId};11;${last.entry.head};11`);
  });

  it('strict: tells when the entry is committed, and takes it back when that does not come in time', async () => {
    const { queue, written, state } = setUp();
    const good = queue.recordStrictly(draft(1));
    await vi.advanceTimersByTimeAsync(1);
    await expect(good.isWritten).resolves.toBe(true);
    expect(written).toEqual([['1']]);
    let letGo = (): void => {};
    state.hang = new Promise((resolve) => (letGo = resolve));
    const first = queue.recordStrictly(draft(2));
    await vi.advanceTimersByTimeAsync(10);
    const late = queue.recordStrictly(draft(3));
    await vi.advanceTimersByTimeAsync(1_100);
    await expect(Promise.all([first.isWritten, late.isWritten])).resolves.toEqual([false, false]);
    state.hang = null;
    letGo();
    await vi.advanceTimersByTimeAsync(6_000);
    // The first was on its way, so nobody can say that it is not written; the other one was not.
    expect(written.flat()).toEqual(['1', '2']);
    expect(counts(queue.counters)).toEqual({ accepted: 3, written: 2, dropped: 1 });
  });
});
