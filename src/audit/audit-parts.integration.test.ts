import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anActiveGrant, aUser } from '../../db/testing/world.testkit.ts';
import { outcomeOf, type AuditVerb } from '../../domain/audit/entry.ts';
import { makeTestDeps, type TestDeps } from '../app/deps.testkit.ts';
import { verifyAudit, type Verification } from './audit-verify.ts';

let deps: TestDeps;
let grants: readonly string[];

const record = (grantId: string | null, count = 1): void => {
  for (let n = 0; n < count; n += 1)
    deps.audit.record({
      at: deps.clock.now(),
      grantId,
      peerId: null,
      subjectUserId: null,
      actorUserId: null,
      verb: 'list' satisfies AuditVerb,
      resource: 'tasks',
      action: null,
      queryHash: null,
      outcome: outcomeOf(200),
      reasonCode: null,
      status: 200,
      bytesOut: n,
      latencyMs: 1,
      traceId: null,
    });
};

/** Grants as rows, by SQL: only that they exist matters. */
const addGrants = async (count: number): Promise<void> => {
  await deps.sql(
    `insert into federation_grants (id, peer_id, subject_user_id, scope, status, version, audit_key_sealed, created_at)
     select gen_random_uuid(), peer_id, subject_user_id, scope, 'pending', 1, 'sealed', now()
     from (select * from federation_grants limit 1) g, generate_series(1, $1::int)`,
    [count],
  );
  grants = (await deps.sql('select id from federation_grants order by id')).map(({ id }) => String(id));
};

beforeEach(async () => {
  deps = await makeTestDeps();
  await anActiveGrant(deps.storage, await aUser(deps.storage));
  await addGrants(450);
});
afterEach(() => deps.close());

/** In as many parts as there can be, added up. */
const allParts = async (): Promise<{ parts: number; sum: Omit<Verification, 'next' | 'verdict'> }> => {
  const sum = { chains: 0, entries: 0, unconfirmed: 0, findings: [] as Verification['findings'] };
  let after: string | undefined;
  for (let parts = 1; ; parts += 1) {
    const { chains, entries, unconfirmed, findings, next } = await verifyAudit(deps, { after, budgetMs: 0 });
    sum.chains += chains;
    sum.entries += entries;
    sum.unconfirmed += unconfirmed;
    sum.findings = [...sum.findings, ...findings];
    if (next === null) return { parts, sum };
    after = next;
  }
};
const entriesOf = (grantId: string) =>
  deps.sql('select id from federation_audit_log where grant_id = $1 order by seq', [grantId]);
const kinds = (findings: Verification['findings']) =>
  findings.map(({ kind, grantId }) => `${kind} ${grantId}`).toSorted();

/** Everything this writer has in memory is forgotten, as after a restart. */
const asAfterRestart = (): void => {
  deps = { ...deps, audit: { ...deps.audit, durable: () => null, chained: () => [] } };
};

describe('the log of many grants', () => {
  it('is verified in parts that add up to the whole, whatever each grant has', async () => {
    record(null, 3);
    for (const [index, grant] of grants.entries()) record(grant, index % 7);
    // One with more entries than a page, in the middle of others.
    record(grants[210] ?? '', 1_100);
    await deps.audit.flush();
    const { parts, sum } = await allParts();
    const total = 3 + grants.reduce((before, _, index) => before + (index % 7), 0) + 1_100;
    const withEntries = grants.filter((_, index) => index % 7 > 0 || index === 210).length;
    expect(parts).toBe(3);
    expect(sum).toMatchObject({ chains: 1 + withEntries, entries: total, findings: [], unconfirmed: 0 });
    const whole = await verifyAudit(deps);
    expect(whole).toMatchObject({ verdict: 'intact', chains: 1 + withEntries, entries: total, next: null });
  });

  it('asks the database by hundreds of grants and not by grant', async () => {
    for (const grant of grants) record(grant, 2);
    await deps.audit.flush();
    let statements = 0;
    const { stores } = deps.storage;
    const auditChain: typeof stores.auditChain = {
      ...stores.auditChain,
      walk: (...asked) => ((statements += 1), stores.auditChain.walk(...asked)),
      walkBetween: (...asked) => ((statements += 1), stores.auditChain.walkBetween(...asked)),
      gapsOf: (...asked) => ((statements += 1), stores.auditChain.gapsOf(...asked)),
      seenOf: (...asked) => ((statements += 1), stores.auditChain.seenOf(...asked)),
      lostTailsOf: (ids) => ((statements += Math.min(1, ids.length)), stores.auditChain.lostTailsOf(ids)),
    };
    const counting = { ...deps, storage: { ...deps.storage, stores: { ...stores, auditChain } } };
    expect((await verifyAudit(counting)).entries).toBe(grants.length * 2);
    expect(statements).toBeLessThan(40);
  });

  it('X-60 names what was changed or removed, wherever it is, and what has lost its grant’s row too', async () => {
    for (const grant of grants) record(grant, 3);
    await deps.audit.flush();
    const [first = '', boundary = '', next = '', last = ''] = [0, 199, 200, 450].map((at) => grants[at]);
    const second = async (grant: string) => (await entriesOf(grant))[1]?.['id'];
    await deps.sql('update federation_audit_log set bytes_out = 7 where id = $1', [await second(first)]);
    await deps.sql('delete from federation_audit_log where id = $1', [await second(boundary)]);
    await deps.sql('update federation_audit_log set status = 404 where id = $1', [await second(next)]);
    await deps.sql('delete from federation_grants where id = $1', [next]);
    await deps.sql('delete from federation_audit_log where grant_id = $1', [last]);
    const expected = [
      `changed ${first}`,
      `missing ${boundary}`,
      `changed ${next}`,
      `removed ${last}`,
    ].toSorted();
    expect(kinds((await verifyAudit(deps)).findings)).toEqual(expected);
    expect(kinds((await allParts()).sum.findings)).toEqual(expected);
  });

  it('X-60 holds a grant without entries to what its peer has shown, and tells made up showings', async () => {
    const [shown = '', forged = '', moved = ''] = [grants[3], grants[77], grants[300]];
    for (const grant of [shown, forged, moved]) record(grant, 4);
    await deps.audit.flush();
    const checkpointOf = async (grant: string): Promise<string> => {
      for (;;) {
        const text = deps.audit.checkpointOf(grant);
        if (text !== null) return text;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    for (const grant of [shown, forged, moved]) deps.audit.seen(grant, await checkpointOf(grant));
    while (Number((await deps.sql('select count(*) as n from federation_audit_seen'))[0]?.['n']) < 3)
      await new Promise((resolve) => setTimeout(resolve, 10));
    asAfterRestart();
    expect((await verifyAudit(deps)).findings).toEqual([]);
    await deps.sql('delete from federation_audit_log where grant_id = $1', [shown]);
    await deps.sql('update federation_audit_seen set seq = 3 where grant_id = $1', [forged]);
    // The anchor of another writer would hold nobody to anything.
    await deps.sql('update federation_audit_seen set writer_id = $2::uuid where grant_id = $1', [
      moved,
      crypto.randomUUID(),
    ]);
    expect(kinds((await verifyAudit(deps)).findings)).toEqual(
      [`removed ${shown}`, `forged ${forged}`, `forged ${moved}`].toSorted(),
    );
  });
});
