import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { aUser, anActiveGrant, scopeOf, type Enrolled } from '../../../db/testing/world.testkit.ts';
import type { MosaicError } from '../../../domain/errors.ts';
import type { CertificateIdentity } from '../../../domain/peers/identity.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { makeTestDeps, type TestDeps } from '../../../src/app/deps.testkit.ts';
import { confirmRenewal } from '../../../src/inbound/renewal/renew.ts';
import { createServing, type Serving } from '../../../src/inbound/read/serve.ts';
import { urlsOf, type DatabaseUrls } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';
import { assemble } from '../../../src/app/assemble.ts';

/** Longer than the cases before the last one take: the process takes its lease anew after a fifth of it. */
const LEASE_SECONDS = 60;

describe('a database that was put back a moment ago', () => {
  let cluster: Cluster;
  let urls: DatabaseUrls;
  let storage: Storage;
  let deps: TestDeps;
  let serving: Serving;
  let grant: Enrolled;
  /** By how much this host's clock is wrong. */
  let steppedMs = 0;

  beforeAll(async () => {
    cluster = await startCluster();
    urls = urlsOf(await cluster.create());
    storage = await openPostgresStorage({
      ...urls,
      leaseSeconds: LEASE_SECONDS,
      clock: () => Date.now() + steppedMs,
    });
    deps = await makeTestDeps({});
    serving = createServing(assemble({ ...deps, storage }));
    grant = await anActiveGrant(storage, await aUser(storage), scopeOf());
  }, 120_000);
  afterAll(async () => {
    await storage.close();
    await deps.close();
    await cluster.close();
  });

  const codeOf = (work: () => Promise<unknown>): Promise<string> =>
    work().then(
      () => 'answered',
      (error: MosaicError) => error.code,
    );
  /** What of the restored state differs from what this process has done. */
  const underneath = (text: string) => cluster.underneath(urls.url, text);
  const notYetServing = () => underneath('delete from gateway_leases');
  const takenAgain = async (): Promise<void> => {
    await expect
      .poll(() => underneath('select 1 as held from gateway_leases'), { timeout: 60_000, interval: 200 })
      .toHaveLength(1);
  };

  it('H-3 a grant that it lacks is 503 until this process serves from it, and 403 from then on', async () => {
    const unknown: CertificateIdentity = { ...grant.identity, grantId: crypto.randomUUID() };
    const asUnknown = () => codeOf(async () => serving.capabilities(await serving.identify(unknown)));
    expect(await asUnknown()).toBe('grant_unknown');
    await notYetServing();
    expect(await asUnknown()).toBe('database_unavailable');
    expect(await codeOf(() => confirmRenewal({ ...deps, storage }, unknown))).toBe('database_unavailable');
    await takenAgain();
    expect(await asUnknown()).toBe('grant_unknown');
  });

  it('H-7 a clock that has just stepped ends no certificate and no grant: 503, and what is right from then on', async () => {
    const DAY = 86_400_000;
    const bounds = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 30 * DAY) };
    const unknown: CertificateIdentity = { ...grant.identity, ...bounds, grantId: crypto.randomUUID() };
    const now = () => new Date(Date.now() + steppedMs);
    const stepped = createServing(assemble({ ...deps, clock: { now }, storage }));
    const ask = (whom: CertificateIdentity) =>
      codeOf(async () => stepped.capabilities(await stepped.identify(whom)));
    await takenAgain();
    expect(await ask(unknown)).toBe('grant_unknown');
    // Expired, not valid yet, and what is decided on the grant: none of it by this clock.
    for (const away of [400 * DAY, -3 * DAY, 60_000, -60_000]) {
      steppedMs = away;
      expect(await ask(unknown)).toBe('database_unavailable');
    }
    steppedMs = 0;
    expect(await ask(unknown)).toBe('grant_unknown');
    // It is right again, and so is what it says of a certificate.
    expect(await ask({ ...unknown, notAfter: new Date(Date.now() - 1_000) })).toBe('certificate_untrusted');
  });
});
