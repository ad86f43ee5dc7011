import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstHead, fromHex, leafOf, nextHead, toHex } from '../../../domain/audit/chain.ts';
import type { AuditEntry } from '../../../domain/audit/entry.ts';
import { sha256 } from '../../../src/kernel/mac.ts';
import { grantAndEnroll, seedPeople, type Enrolled, type Seeded } from './people.ts';
import { call, must, type World } from './world.ts';

interface Finding {
  readonly kind: string;
  readonly from_seq: number;
  readonly to_seq: number;
  readonly entry_id: string | null;
}
interface Verification {
  readonly verdict: string;
  readonly findings: readonly Finding[];
}
interface Reconciliation {
  readonly verdict: string;
  readonly key: string;
  readonly places: readonly { readonly signed: boolean; readonly verdict: string; readonly seq: number }[];
}

const settle = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What a stored row says, as the gateway computed its leaf. */
const entryOf = (row: Readonly<Record<string, unknown>>): AuditEntry =>
  ({
    id: row['id'],
    at: new Date(String(row['at'])),
    grantId: row['grant_id'],
    peerId: row['peer_id'],
    subjectUserId: row['subject_user_id'],
    actorUserId: row['actor_user_id'],
    verb: row['verb'],
    resource: row['resource'],
    action: row['action'],
    queryHash: row['query_hash'],
    outcome: row['outcome'],
    reasonCode: row['reason_code'],
    status: Number(row['status']),
    bytesOut: Number(row['bytes_out']),
    latencyMs: Number(row['latency_ms']),
    traceId: row['trace_id'],
    writerId: row['writer_id'],
    seq: Number(row['seq']),
    head: row['head'],
  }) as AuditEntry;

/** Issue 4.2: whoever owns B's database can change the log, and can not hide it. */
export const describeAuditEvidence = (components: string, boot: () => Promise<World>): void => {
  describe(`the audit log as evidence on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'evi-');
    });
    afterAll(() => world.close());

    const ask = async ({ peerName }: Enrolled, limit: number): Promise<void> => {
      const path = `/api/query/tasks?source=federated:${peerName}&limit=${limit}`;
      expect((await call(world.home, path, { token: seeded.ann.token })).status).toBe(200);
    };
    const chained = (grantId: string) =>
      world.work.sql(
        `select id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, grant_id, peer_id, subject_user_id,
           actor_user_id, verb, resource, action, query_hash, outcome::text as outcome, reason_code, status, bytes_out,
           latency_ms, trace_id, writer_id, seq::int as seq, head
         from federation_audit_log where grant_id = $1 and writer_id is not null order by seq`,
        [grantId],
      );
    const verify = async (grantId: string): Promise<Verification> =>
      (await must(200, world.work, `/api/admin/audit/verify?grant_id=${grantId}`)) as unknown as Verification;
    const reconcile = async (peerId: string): Promise<Reconciliation> =>
      (await must(200, world.home, `/api/admin/peers/${peerId}/reconcile`, {
        body: {},
      })) as unknown as Reconciliation;

    /** Enrolled, asked several times, and the serving side has been shown the checkpoint that covers the first. */
    const witnessed = async (): Promise<Enrolled> => {
      serial += 1;
      const enrolled = await grantAndEnroll(world, {
        subject: seeded.alice,
        localUser: seeded.ann,
        peerName: `evidence${serial}`,
        scope: { resources: ['tasks'], max_rows_per_query: 100 },
      });
      await must(200, world.work, `/api/admin/grants/${enrolled.grantId}`, {
        method: 'PATCH',
        body: { cache_ttl_seconds: 0 },
      });
      for (let limit = 1; limit <= 4; limit += 1) await ask(enrolled, limit);
      await world.work.flushAudit();
      await settle(1_300);
      for (let limit = 5; limit <= 7; limit += 1) await ask(enrolled, limit);
      await world.work.flushAudit();
      await settle(1_300);
      return enrolled;
    };

    it('M7-4 an untouched log is whole, at B and as A remembers it, and what A has shown is kept at B', async () => {
      const { grantId, peerId } = await witnessed();
      const rows = await chained(grantId);
      expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, index) => index + 1));
      let head = firstHead();
      for (const row of rows) {
        head = nextHead(sha256, head, leafOf(sha256, entryOf(row)));
        expect(toHex(head)).toBe(row['head']);
      }
      expect(await verify(grantId)).toMatchObject({ verdict: 'intact', findings: [] });
      const agreed = await reconcile(peerId);
      expect(agreed).toMatchObject({ verdict: 'agrees', key: 'pinned' });
      expect(agreed.places.some(({ signed }) => signed)).toBe(true);
      const [seen] = await world.work.sql(
        'select seq::int as seq from federation_audit_seen where grant_id = $1',
        [grantId],
      );
      expect(Number(seen?.['seq'])).toBeGreaterThanOrEqual(4);
    });

    it('an entry that was edited is named', async () => {
      const { grantId } = await witnessed();
      const row = (await chained(grantId))[2];
      await world.work.sql('update federation_audit_log set bytes_out = bytes_out + 1 where id = $1', [
        row?.['id'],
      ]);
      expect(await verify(grantId)).toMatchObject({
        verdict: 'tampered',
        findings: [{ kind: 'changed', from_seq: 3, entry_id: row?.['id'] }],
      });
    });

    it('entries deleted in the middle are named', async () => {
      const { grantId } = await witnessed();
      await world.work.sql('delete from federation_audit_log where grant_id = $1 and seq in (3, 4)', [
        grantId,
      ]);
      expect(await verify(grantId)).toMatchObject({
        verdict: 'tampered',
        findings: [{ kind: 'missing', from_seq: 3, to_seq: 4 }],
      });
    });

    it('an entry taken out of its chain, or moved in time, is named', async () => {
      const { grantId } = await witnessed();
      await world.work.sql(
        'update federation_audit_log set writer_id = null, seq = null, head = null where grant_id = $1 and seq = 2',
        [grantId],
      );
      expect((await verify(grantId)).findings).toMatchObject([{ kind: 'missing', from_seq: 2, to_seq: 2 }]);
      const other = await witnessed();
      await world.work.sql(
        `update federation_audit_log set at = at - interval '1 day' where grant_id = $1 and seq = 5`,
        [other.grantId],
      );
      expect((await verify(other.grantId)).verdict).toBe('tampered');
    });

    it('the newest entries deleted: named at B, and missed by A', async () => {
      const { grantId, peerId } = await witnessed();
      const last = (await chained(grantId)).length;
      await world.work.sql('delete from federation_audit_log where grant_id = $1 and seq >= 3', [grantId]);
      const { verdict, findings } = await verify(grantId);
      expect(verdict).toBe('tampered');
      expect(findings).toMatchObject([{ kind: 'removed', from_seq: 3 }]);
      expect(findings[0]?.to_seq).toBeGreaterThanOrEqual(last);
      const found = await reconcile(peerId);
      expect(found.verdict).toBe('contradicts');
      expect(found.places.map((place) => place.verdict)).toEqual(found.places.map(() => 'missing'));
    });

    it('an edit with all that follows chained anew, and the checkpoints at B deleted: A’s checkpoint tells', async () => {
      const { grantId, peerId } = await witnessed();
      const rows = await chained(grantId);
      let head = firstHead();
      for (const row of rows) {
        const seq = Number(row['seq']);
        const bytes = Number(row['bytes_out']) + (seq === 2 ? 1 : 0);
        if (seq < 2) {
          head = fromHex(String(row['head']));
          continue;
        }
        head = nextHead(sha256, head, leafOf(sha256, entryOf({ ...row, bytes_out: bytes })));
        await world.work.sql('update federation_audit_log set bytes_out = $2::int, head = $3 where id = $1', [
          row['id'],
          String(bytes),
          toHex(head),
        ]);
      }
      await world.work.sql('delete from federation_audit_seen where grant_id = $1', [grantId]);
      // As long as the gateway runs it knows better than its database.
      expect((await verify(grantId)).findings).toMatchObject([{ kind: 'rewritten' }]);
      const found = await reconcile(peerId);
      expect(found.verdict).toBe('contradicts');
      expect(found.places.every(({ verdict }) => verdict === 'changed')).toBe(true);
      expect(found.places.some(({ signed }) => signed)).toBe(true);
    });

    it('a gap and a checkpoint that somebody made up are called forged', async () => {
      const { grantId } = await witnessed();
      const rows = await chained(grantId);
      const before = rows[1];
      await world.work.sql('delete from federation_audit_log where grant_id = $1 and seq = 3', [grantId]);
      await world.work.sql(
        `insert into federation_audit_gaps (id, kind, writer_id, grant_id, at, from_seq, to_seq, leaves, head, signature)
         values (gen_random_uuid(), 'gap', $1, $2, now(), 3, 3, null, $3, repeat('0', 128))`,
        [before?.['writer_id'], grantId, rows[2]?.['head']],
      );
      const { verdict, findings } = await verify(grantId);
      expect(verdict).toBe('tampered');
      expect(findings.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b))).toEqual([
        'forged',
        'missing',
      ]);
    });

    it('M4-3 M4-4 within a second of the answer its entry is there, allowed and denied', async () => {
      const enrolled = await witnessed();
      const before = (await chained(enrolled.grantId)).length;
      await ask(enrolled, 9);
      const denied = await call(world.home, `/api/query/notes?source=federated:${enrolled.peerName}`, {
        token: seeded.ann.token,
      });
      expect(denied.status).toBe(502);
      await settle(1_000);
      const rows = (await chained(enrolled.grantId)).slice(before);
      expect(rows.map((row) => [row['outcome'], row['reason_code']])).toEqual([
        ['allowed', null],
        ['denied', 'resource_not_granted'],
      ]);
    });
  });
};
