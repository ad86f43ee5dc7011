import { afterEach, describe, expect, it } from 'vitest';
import { makeTestDeps, type TestDeps } from '../../app/deps.testkit.ts';
import { changeEntry } from '../../audit/audit.ts';
import { startRevocationWorker } from '../../inbound/revocation/revocation.ts';
import { atMost, stopInOrder } from './shutdown.ts';

let deps: TestDeps;
afterEach(() => deps.close());

const never = (): Promise<never> => new Promise(() => {});

/** Entries of somebody's changes, as many as an overloaded minute leaves. */
const record = (count: number): void => {
  const entry = changeEntry(
    deps,
    { principal: null, traceId: null },
    { verb: 'admin', action: 'peer.add', status: 201, peerId: null },
  );
  for (let index = 0; index < count; index += 1) deps.audit.record(entry);
};

describe('F-27 a shutdown', () => {
  it('writes the audit log out in time although the authority hangs and revocations wait for it', async () => {
    deps = await makeTestDeps();
    for (let index = 0; index < 60; index += 1)
      await deps.sql(
        `insert into revocation_outbox (id, serial, reason, attempts, created_at, next_attempt_at)
         values (gen_random_uuid(), $1, 'superseded', 0, now(), '2000-01-01')`,
        [`ab${index}`],
      );
    let asked = 0;
    const ca = { ...deps.ca, revoke: () => ((asked += 1), never()) };
    const worker = startRevocationWorker({ ...deps, ca });
    await expect.poll(() => asked).toBe(1);
    record(3_000);
    const from = performance.now();
    await stopInOrder(
      deps.log,
      {
        drain: () => Promise.resolve(record(500)),
        audit: deps.audit,
        background: [() => worker.stop()],
        finish: (deadline) => atMost(deps.log, 'audit', deadline.left(), () => deps.audit.flush()),
      },
      4_000,
    );
    expect(performance.now() - from).toBeLessThan(4_500);
    const { accepted, written, dropped } = deps.audit.counters;
    expect({ accepted, written, dropped }).toEqual({ accepted: 3_500, written: 3_500, dropped: 0 });
    // Nothing new was begun at the authority.
    expect(asked).toBe(1);
  });

  it('ends by its deadline whatever hangs, goes on after what fails, and says what it left', async () => {
    deps = await makeTestDeps();
    let finished = false;
    const from = performance.now();
    await stopInOrder(
      deps.log,
      {
        drain: never,
        audit: { flush: never },
        background: [never, () => Promise.reject(new Error('failed'))],
        finish: async (deadline) => {
          await atMost(deps.log, 'broken', deadline.left(), () => Promise.reject(new Error('no')));
          await atMost(deps.log, 'stuck', deadline.left(), never);
          finished = true;
        },
      },
      1_000,
    );
    expect(finished).toBe(true);
    expect(performance.now() - from).toBeLessThan(1_800);
    const left = deps.logged.flatMap(({ fields }) =>
      typeof fields['step'] === 'string' ? [fields['step']] : [],
    );
    expect(left).toEqual(['drain', 'audit', 'background', 'broken', 'stuck']);
  });
});
