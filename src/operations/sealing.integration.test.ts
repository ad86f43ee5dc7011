import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSealingKey } from '../../db/sealing/seal-check.ts';
import { createSealer, sealedHeader, sealedUnder, sealingKeys } from '../../db/sealing/seal.ts';
import { MosaicError } from '../../domain/errors.ts';
import { makeTestDeps, type TestDeps } from '../app/deps.testkit.ts';
import type { Actor } from '../kernel/actor.ts';
import { RESEAL_BATCH, resealBatch, sealingState, type Resealed } from './sealing.ts';

const bytes = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const ROWS = RESEAL_BATCH + 50;

describe('keys rotate: everything sealed anew under another key', () => {
  let deps: TestDeps;
  let actor: Actor;
  let oldKeyId: string;
  const [first, second] = [bytes(), bytes()];
  const ring = createSealer({ current: { id: 'placeholder', key: first } });

  const addCredential = async (secret: string, sealer = deps.sealer): Promise<string> => {
    const id = crypto.randomUUID();
    await deps.sql(
      `insert into credentials (id, owner_id, team_id, created_at, updated_at, title, secret_sealed)
        values ($1, $2, null, now(), now(), 'vpn', $3)`,
      [id, actor.principal.userId, await sealer.seal(text(secret), `credentials/${id}/secret`)],
    );
    return id;
  };
  const sealedOf = async (id: string): Promise<string> => {
    const [row] = await deps.sql('select secret_sealed from credentials where id = $1', [id]);
    return String(row?.['secret_sealed']);
  };
  const wholePass = async (): Promise<Omit<Resealed, 'next' | 'keyId'>> => {
    const total = { resealed: 0, changed: 0, unopenable: 0 };
    let after: Resealed['next'] = null;
    do {
      const { next, resealed, changed, unopenable } = await resealBatch(deps, actor, after);
      total.resealed += resealed;
      total.changed += changed;
      total.unopenable += unopenable;
      after = next;
    } while (after !== null);
    return total;
  };

  beforeAll(async () => {
    ring.replace(await sealingKeys(first));
    const made = await makeTestDeps();
    deps = { ...made, sealer: ring };
    const id = crypto.randomUUID();
    actor = {
      principal: { userId: id, isAdmin: true, access: 'write' },
      traceId: 'ab'.repeat(16),
    } as unknown as Actor;
    await deps.sql(`insert into users (id, name, is_admin, created_at) values ($1, 'root', true, now())`, [
      id,
    ]);
    // What the other key of these dependencies sealed at their making is none of this test's.
    await deps.sql('delete from gateway_secrets');
    await checkSealingKey(deps.storage.stores.secrets, ring);
    await deps.storage.stores.secrets.putIfAbsent('one', await ring.seal(text('one'), 'gateway_secrets/one'));
    for (let count = 0; count < ROWS; count += 1) await addCredential(`secret ${count}`);
    oldKeyId = ring.currentKeyId();
    ring.replace(await sealingKeys(second, [first]));
  }, 120_000);
  afterAll(() => deps.close());

  it('X-50 a replica with the new key alone does not start before; with the old one beside it does', async () => {
    const { secrets } = deps.storage.stores;
    const early = createSealer(await sealingKeys(second));
    await expect(checkSealingKey(secrets, early)).rejects.toThrow(/does not open this database/);
    await checkSealingKey(secrets, ring);
    await checkSealingKey(secrets, createSealer(await sealingKeys(first, [second])));
  });

  it('begins with the gateway’s own keys, goes on where it was, and leaves an audit entry a batch', async () => {
    const begun = await resealBatch(deps, actor, null);
    expect(begun).toMatchObject({ resealed: RESEAL_BATCH, changed: 0, unopenable: 0 });
    const { sealed, others } = await sealingState(deps);
    expect(others).toBe(ROWS + 2 - RESEAL_BATCH);
    expect(sealed.filter(({ table }) => table === 'gateway_secrets')).toEqual([
      { table: 'gateway_secrets', keyId: ring.currentKeyId(), rows: 2 },
    ]);
    expect(await resealBatch(deps, actor, begun.next)).toMatchObject({ resealed: others, next: null });
    expect(await wholePass()).toEqual({ resealed: 0, changed: 0, unopenable: 0 });
    const entries = await deps.sql(
      `select actor_user_id from federation_audit_log where action = 'keys.rotate'`,
    );
    expect(entries).toHaveLength(3);
    expect(entries[0]?.['actor_user_id']).toBe(actor.principal.userId);
  });

  it('X-50 afterwards the new key opens everything and the old one nothing, in any column of any table', async () => {
    const fresh = createSealer(await sealingKeys(second));
    const old = createSealer(await sealingKeys(first));
    const rows = await deps.sql('select id::text, secret_sealed from credentials');
    expect(rows).toHaveLength(ROWS);
    for (const { id, secret_sealed: sealed } of rows.slice(0, 20)) {
      const identity = `credentials/${String(id)}/secret`;
      expect(new TextDecoder().decode(await fresh.open(String(sealed), identity))).toMatch(/^secret \d+$/);
      await expect(old.open(String(sealed), identity)).rejects.toThrow(MosaicError);
    }
    const columns = await deps.sql(
      `select table_name, column_name from information_schema.columns
        where table_schema = 'public' and data_type in ('text', 'character varying')`,
    );
    expect(columns.length).toBeGreaterThan(30);
    for (const { table_name: table, column_name: column } of columns) {
      const left = await deps.sql(
        `select 1 from "${String(table)}" where "${String(column)}" like $1 limit 1`,
        [`seal1.${sealedHeader(oldKeyId)}.%`],
      );
      expect([table, column, left.length]).toEqual([table, column, 0]);
    }
  });

  it('X-50 a replica with the new key alone starts, one with the old key alone does not', async () => {
    const { secrets } = deps.storage.stores;
    const alone = async (key: Uint8Array) => checkSealingKey(secrets, createSealer(await sealingKeys(key)));
    await alone(second);
    await expect(alone(first)).rejects.toThrow(/does not open this database/);
    await checkSealingKey(secrets, createSealer(await sealingKeys(first, [second])));
  });

  it('never undoes what was written after it was read', async () => {
    const old = createSealer(await sealingKeys(first));
    const id = await addCredential('before', old);
    const read = await deps.storage.transaction(
      (stores) => stores.sealed.readOthers(ring.currentKeyId(), null, 10),
      { asAdmin: true },
    );
    expect(read).toHaveLength(1);
    const later = await old.seal(text('after'), `credentials/${id}/secret`);
    await deps.sql('update credentials set secret_sealed = $1 where id = $2', [later, id]);
    const replaced = await deps.storage.transaction(
      async (stores) => Promise.all(read.map((item) => stores.sealed.replace(item, 'seal1.stale'))),
      { asAdmin: true },
    );
    expect([replaced, await sealedOf(id)]).toEqual([[false], later]);
    // A replica that was not rolled yet wrote it: the next pass takes it along.
    expect(await wholePass()).toMatchObject({ resealed: 1 });
    const opened = await createSealer(await sealingKeys(second)).open(
      await sealedOf(id),
      `credentials/${id}/secret`,
    );
    expect(new TextDecoder().decode(opened)).toBe('after');
  });

  it('X-50 leaves a blob that was moved to another row, and one of an unknown key, as they are and counts them', async () => {
    const old = createSealer(await sealingKeys(first));
    const foreign = createSealer(await sealingKeys(bytes()));
    const [moved, unknown, good] = [
      await addCredential('moved', old),
      await addCredential('unknown', foreign),
      await addCredential('good', old),
    ];
    const blob = await old.seal(text('of another row'), `credentials/${good}/secret`);
    await deps.sql('update credentials set secret_sealed = $1 where id = $2', [blob, moved]);
    expect(await wholePass()).toEqual({ resealed: 1, changed: 0, unopenable: 2 });
    expect(await sealedOf(moved)).toBe(blob);
    expect(sealedUnder(await sealedOf(unknown))).toBe(foreign.currentKeyId());
    expect(sealedUnder(await sealedOf(good))).toBe(ring.currentKeyId());
    expect((await sealingState(deps)).others).toBe(2);
    const logged = JSON.stringify(deps.logged);
    expect(logged).toContain('does not open and stays as it is');
    expect(logged).not.toContain(blob.split('.')[3]);
  });
});
