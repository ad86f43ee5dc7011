import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import {
  anEntry,
  aPeer,
  at,
  aUser,
  FAR,
  pendingGrant,
  scopeOf,
  T0,
} from '../../../db/testing/world.testkit.ts';
import type { Grant } from '../../../domain/grants/grant.ts';
import type { Storage, Stores } from '../../../domain/ports/storage.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { startPostgres, type Postgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-enrollments-'));
let database: Postgres | undefined;
let storage: Storage;
let watching: postgres.Sql;

beforeAll(async () => {
  ensureInstalled();
  // Postgres runs as its own user where this is root.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const login = { database: 'mosaic', user: 'mosaic', password: 'of-a-test' };
  database = await startPostgres({ folder: path.join(folder, 'postgres'), port, ...login });
  const { url, peersUrl, maintenanceUrl } = database;
  storage = await openPostgresStorage({ url, peersUrl, maintenanceUrl });
  watching = postgres(maintenanceUrl, { max: 1 });
}, 60_000);
afterAll(async () => {
  if (database !== undefined) {
    await storage.close();
    await watching.end({ timeout: 1 });
    await stop(database, 'SIGINT');
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Sessions that wait for what another one holds. */
const standingInLine = async (): Promise<number> => {
  const [row] = await watching<{ n: number }[]>`
    select count(distinct pid)::int as n from pg_locks where not granted and locktype in ('transactionid', 'tuple')`;
  return row?.n ?? 0;
};

/** An enrollment whose certificate was signed, and what is left to do. */
const signed = async () => {
  const grant = pendingGrant(await aPeer(storage), await aUser(storage), scopeOf());
  await storage.stores.grants.insert({ grant, auditKeySealed: 'x' });
  const [hash, certificateId, claimId] = [crypto.randomUUID(), crypto.randomUUID(), 'mine'];
  await storage.stores.enrollmentTokens.insert({
    hash,
    grantId: grant.id,
    createdAt: T0,
    expiresAt: at(900),
  });
  await storage.stores.enrollments.begin(
    { hash, claimId, now: at(1), leaseUntil: at(31) },
    { certificateId, publicKeyHash: 'p' },
  );
  const conclude = () =>
    storage.stores.enrollments.conclude({
      hash,
      claimId,
      grantId: grant.id,
      certificateId,
      serial: crypto.randomUUID(),
      fingerprint: 'f',
      notBefore: T0,
      notAfter: FAR,
      at: at(2),
      entry: anEntry({ grantId: grant.id }),
    });
  return { grant, conclude };
};

/** Concludes while another transaction has changed something and not committed it. */
const duringA = async (
  change: (stores: Stores, grantId: string) => Promise<unknown>,
): Promise<Grant | null> => {
  const { grant, conclude } = await signed();
  let concluding: ReturnType<typeof conclude> | undefined;
  await storage.transaction(async (stores) => {
    await change(stores, grant.id);
    concluding = conclude();
    // It has taken its snapshot and stands before the row.
    await expect.poll(standingInLine, { timeout: 15_000, interval: 20 }).toBe(1);
  });
  return (await concluding) ?? null;
};

describe('M2-3 concluding an enrollment on Postgres, beside other sessions', () => {
  it('a scope or limit that is being changed counts, and no version is skipped', async () => {
    const concluded = await duringA((stores, id) => stores.grants.patch(id, 1, { rateLimitPerMinute: 7 }));
    expect(concluded).toMatchObject({ status: 'active', version: 3, rateLimitPerMinute: 7 });
  });

  it.each<[string, (stores: Stores, grantId: string) => Promise<unknown>]>([
    ['grant is being revoked', (stores, id) => stores.grants.revoke(id, 'x', at(2))],
    ['token is being spent', (stores, id) => stores.enrollmentTokens.closeForGrant(id, at(2))],
    [
      'intent is being given up',
      async (stores, id) => {
        const [intent] = await stores.certificates.ofGrant(id);
        await stores.certificates.markFailed(intent?.id ?? '');
      },
    ],
    [
      'peer is being revoked',
      async (stores, id) => {
        const peerId = (await stores.grants.byId(id))?.grant.peerId ?? '';
        await stores.peers.setState(peerId, 'active', 'revoked');
      },
    ],
  ])('nothing is concluded when the %s', async (_what, change) => {
    expect(await duringA(change)).toBeNull();
  });

  it('many at once: each its own, and none waits for ever', async () => {
    const all = await Promise.all(Array.from({ length: 60 }, signed));
    const concluded = await Promise.all(all.map(({ conclude }) => conclude()));
    expect(concluded.map((grant) => grant?.id)).toEqual(all.map(({ grant }) => grant.id));
  });
});
