import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lostTailText } from '../../domain/audit/chain.ts';
import { makeTestDeps, type TestDeps } from '../app/deps.testkit.ts';
import { reportLosses, startAuditWatch } from './audit-losses.ts';

describe('what an unclean stop may have lost', () => {
  let deps: TestDeps;
  beforeAll(async () => {
    deps = await makeTestDeps();
  });
  afterAll(() => deps.close());

  const writer = async (accepted: number, stoppedAt: Date | null): Promise<string> => {
    const id = crypto.randomUUID();
    const { auditChain } = deps.storage.stores;
    const now = deps.clock.now();
    await auditChain.openWriter({ id, startedAt: now, isEphemeral: false });
    await auditChain.touchWriter(id, { seenAt: now, stoppedAt, accepted, written: 5, dropped: 1 });
    return id;
  };
  const alerts = () => deps.logged.filter(({ fields }) => fields['alert'] === 'audit_lost_tail');

  it('is reported at the next start, signed, once, and never for a clean stop or a living replica', async () => {
    await writer(9, deps.clock.now());
    const gone = await writer(9, null);
    deps.clock.advance(60_000);
    expect(await reportLosses(deps, crypto.randomUUID(), 90_000)).toBe(0);
    deps.clock.advance(31_000);
    const alive = await writer(0, null);
    const reports = await Promise.all([1, 2].map(() => reportLosses(deps, alive, 90_000)));
    expect(reports).toEqual(expect.arrayContaining([0, 1]));
    expect(alerts()).toMatchObject([{ fields: { writer_id: gone, known_to_be_lost: 3, written: 5 } }]);
    const [lost] = await deps.storage.stores.auditChain.lostTailsOf([gone]);
    const { auditSigner } = deps.keys;
    expect(await auditSigner.verify(lostTailText(gone, lost?.at ?? new Date(0)), lost?.signature ?? '')).toBe(
      true,
    );
    expect(
      await auditSigner.verify(lostTailText(alive, lost?.at ?? new Date(0)), lost?.signature ?? ''),
    ).toBe(false);
    expect(await reportLosses(deps, crypto.randomUUID(), 90_000)).toBe(0);
  });

  it('a gateway alone with its database knows at once', async () => {
    const gone = await writer(5, null);
    const own = crypto.randomUUID();
    let beats = 0;
    const watch = startAuditWatch(deps, { beat: async () => void (beats += 1) }, own, true);
    await watch.stop();
    expect(beats).toBe(1);
    const told = alerts().map(({ fields }) => [fields['writer_id'], fields['known_to_be_lost']]);
    expect(told).toContainEqual([gone, 0]);
  });
});
