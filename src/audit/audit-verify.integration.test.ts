import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anActiveGrant, anEntry, aUser } from '../../db/testing/world.testkit.ts';
import { makeTestDeps, type TestDeps } from '../app/deps.testkit.ts';
import { newAuditChains } from '../app/wire.ts';
import { reportLosses } from './audit-losses.ts';
import { createAuditQueue } from './audit-queue.ts';
import { verifyAudit } from './audit-verify.ts';

/** Whoever owns the database may do all of this, and the gateway itself may help by signing what it is led to believe. */
describe('a log whose database somebody owns', () => {
  let deps: TestDeps;
  beforeAll(async () => {
    deps = await makeTestDeps();
  });
  afterAll(() => deps.close());

  /** Five entries of an earlier start, which ended in order; a peer has shown the checkpoint that covers them all. */
  const witnessed = async (): Promise<{ readonly grantId: string; readonly writerId: string }> => {
    const { audit, auditChain } = deps.storage.stores;
    const { grant } = await anActiveGrant(deps.storage, await aUser(deps.storage));
    const chains = newAuditChains();
    const earlier = createAuditQueue({
      store: audit,
      chainStore: auditChain,
      chains,
      signer: deps.keys.auditSigner,
      clock: deps.clock,
      log: deps.log,
      capacity: 100,
      flushMs: 1,
      batch: 100,
      strictMs: 1_000,
    });
    for (let count = 0; count < 5; count += 1)
      earlier.record(anEntry({ grantId: grant.id, at: deps.clock.now() }));
    await earlier.flush();
    await expect.poll(() => earlier.checkpointOf(grant.id)).not.toBeNull();
    earlier.seen(grant.id, earlier.checkpointOf(grant.id) ?? '');
    await expect.poll(() => auditChain.seenOf(grant.id)).toMatchObject([{ seq: 5 }]);
    await earlier.stop(1_000);
    return { grantId: grant.id, writerId: chains.writerId };
  };

  it('an end that was cut off stays one when its writer is made to look like one that crashed', async () => {
    const { grantId, writerId } = await witnessed();
    await deps.sql(
      `update federation_audit_writers set stopped_at = null, seen_at = seen_at - interval '1 day' where id = $1`,
      [writerId],
    );
    expect(await reportLosses(deps, crypto.randomUUID(), 90_000)).toBe(1);
    await deps.sql('delete from federation_audit_log where grant_id = $1 and seq >= 3', [grantId]);
    expect(await verifyAudit(deps, { grantId })).toMatchObject({
      verdict: 'tampered',
      findings: [{ kind: 'removed', writerId, fromSeq: 3, toSeq: 5 }],
    });
  });

  it.each([
    ['its entries', `delete from federation_audit_log where grant_id = $1`, 'removed'],
    [
      'an entry and what was signed',
      `with seen as (delete from federation_audit_seen where grant_id = $1)
       delete from federation_audit_log where grant_id = $1 and seq = 2`,
      'missing',
    ],
  ])('a grant that is gone together with %s is verified all the same', async (_what, cut, kind) => {
    const { grantId, writerId } = await witnessed();
    await deps.sql(cut, [grantId]);
    await deps.sql('delete from issued_certificates where grant_id = $1', [grantId]);
    await deps.sql('delete from federation_grants where id = $1', [grantId]);
    const { verdict, findings } = await verifyAudit(deps);
    expect(verdict).toBe('tampered');
    expect(findings).toContainEqual(expect.objectContaining({ kind, grantId, writerId }));
  });

  it('what this very replica wrote is missed although the database holds nothing of it any more', async () => {
    const grantId = crypto.randomUUID();
    deps.audit.record(anEntry({ grantId, at: deps.clock.now() }));
    await deps.audit.flush();
    await deps.sql('delete from federation_audit_log where grant_id = $1', [grantId]);
    const { findings } = await verifyAudit(deps);
    expect(findings).toContainEqual(expect.objectContaining({ kind: 'removed', grantId }));
  });
});
