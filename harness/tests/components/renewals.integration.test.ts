import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { anActiveGrant, aUser, type Enrolled } from '../../../db/testing/world.testkit.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { makeTestDeps, type TestDeps } from '../../../src/app/deps.testkit.ts';
import type { Deps } from '../../../src/app/deps.ts';
import { renewCertificate } from '../../../src/inbound/renewal/renew.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { startPostgres, type Postgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-renewals-'));
let database: Postgres | undefined;
let storage: Storage;
let own: TestDeps;
let deps: Deps;
/** Runs when the CA has signed and nobody has heard of it. */
let whileSigning: () => Promise<void> = () => Promise.resolve();

beforeAll(async () => {
  ensureInstalled();
  // Postgres runs as its own user where this is root.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const login = { database: 'mosaic', user: 'mosaic', password: 'of-a-test' };
  database = await startPostgres({ folder: path.join(folder, 'postgres'), port, ...login });
  const { url, peersUrl, maintenanceUrl } = database;
  storage = await openPostgresStorage({ url, peersUrl, maintenanceUrl });
  own = await makeTestDeps();
  const { ca } = own;
  deps = {
    ...own,
    storage,
    ca: {
      kind: ca.kind,
      rootPem: () => ca.rootPem(),
      crl: () => ca.crl(),
      revoke: (...revocation) => ca.revoke(...revocation),
      issue: async (request) => {
        const issued = await ca.issue(request);
        await whileSigning();
        return issued;
      },
    },
  };
}, 120_000);
afterAll(async () => {
  if (database !== undefined) {
    await own.close();
    await storage.close();
    await stop(database, 'SIGINT');
  }
  rmSync(folder, { recursive: true, force: true });
});

const renew = async ({ identity }: Enrolled): Promise<string> => {
  const { csrPem } = await deps.keyMaker.keyAndCsr();
  return renewCertificate(deps, identity, csrPem).then(
    () => 'made',
    (error: unknown) => (error as { readonly code?: string }).code ?? String(error),
  );
};
const states = async ({ grant }: Enrolled) =>
  (await storage.stores.certificates.ofGrant(grant.id)).map(({ status }) => status).toSorted();

describe('MUTANTS renew on Postgres, beside other sessions', () => {
  it('of many renewals at once with as many keys one is decided at a time, so that one is made', async () => {
    const enrolled = await anActiveGrant(storage, await aUser(storage));
    let refused = 0;
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    // Nothing is concluded before all the others have been decided.
    whileSigning = () => held;
    const asked = Array.from({ length: 12 }, async () => {
      const outcome = await renew(enrolled);
      if (outcome !== 'made') refused += 1;
      if (refused === 11) letGo();
      return outcome;
    });
    // Were more than one at the CA, none of those would be refused, and nobody would let go.
    const giveUp = sleep(20_000, undefined, { ref: false }).then(() => letGo());
    const outcomes = await Promise.all(asked);
    whileSigning = () => Promise.resolve();
    expect(outcomes.toSorted()).toEqual(['made', ...Array.from({ length: 11 }, () => 'renewal_refused')]);
    expect(await states(enrolled)).toEqual(['issued', 'issued']);
    void giveUp;
  });

  it.each(['the grant', 'the certificate'])(
    'waits for a revocation of %s that is under way when the CA has signed, and revokes what was signed',
    async (what) => {
      const enrolled = await anActiveGrant(storage, await aUser(storage));
      const { grant } = enrolled;
      let revoking: Promise<unknown> = Promise.resolve();
      whileSigning = () =>
        new Promise((resolve) => {
          revoking = storage.transaction(async (stores) => {
            const at = new Date();
            if (what === 'the grant') await stores.grants.revoke(grant.id, 'race', at);
            else {
              await stores.grants.lock(grant.id);
              await stores.certificates.revokeOfGrant(grant.id, 'key_compromise', at);
            }
            resolve();
            // Long enough for the renewal to stand before the row.
            await sleep(300);
          });
        });
      const outcome = await renew(enrolled);
      await revoking;
      whileSigning = () => Promise.resolve();
      expect(outcome).toBe(what === 'the grant' ? 'grant_revoked' : 'certificate_revoked');
      expect(await states(enrolled)).not.toContain('requested');
      expect((await states(enrolled)).filter((status) => status === 'issued')).toHaveLength(
        what === 'the grant' ? 1 : 0,
      );
    },
  );
});
