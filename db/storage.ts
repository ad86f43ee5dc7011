import type { AuthorizedRead } from '../domain/access/decide.ts';
import { LIGHT_ROWS } from '../domain/paging/page-bytes.ts';
import type { Asker, Storage, Stores } from '../domain/ports/storage.ts';
import type { RequestBudgets } from './driver/budget.ts';
import type { Driver } from './driver/driver.ts';
import type { Lease } from './lease.ts';
import { createDatabaseMonitor, type DatabaseMonitor } from './monitor.ts';
import { refuseUnfit, SESSION_FACTS, type SessionFacts } from './session-facts.ts';
import { createAuditChainStore } from './stores/audit/audit-chain.ts';
import { createAuditStore } from './stores/audit/audit.ts';
import { createCertificateStore } from './stores/enrollment/certificates.ts';
import { createEmbeddedCaStore } from './stores/authority/embedded-ca.ts';
import { createEnrollmentTokenStore } from './stores/enrollment/enrollment-tokens.ts';
import { createEnrollmentStore } from './stores/enrollment/enrollments.ts';
import { createGrantStore } from './stores/grants/grants.ts';
import { createPeerRenewalStore } from './stores/renewal/peer-renewals.ts';
import { createPeerTrustStore } from './stores/revocation/peer-trust.ts';
import { createPeerStore } from './stores/peers/peers.ts';
import { createResourceReader, type ReadConnection } from './stores/resources/resource-reader.ts';
import { createResourceWriter } from './stores/resources/resource-writer.ts';
import { createRevocationEpochStore } from './stores/revocation/revocation-epoch.ts';
import { createRevocationOutbox } from './stores/revocation/revocation-outbox.ts';
import { createSealedStore } from './stores/sealing/sealed.ts';
import { createSecretStore } from './stores/sealing/secrets.ts';
import { driverSession, transactionSession, type Session } from './stores/session.ts';
import { createStepCaRollStore } from './stores/authority/step-ca-roll.ts';
import { createTeamStore } from './stores/directory/teams.ts';
import { createTokenStore } from './stores/directory/tokens.ts';
import { createUserStore } from './stores/directory/users.ts';

/** A trigger of the outbox speaks on it (0011). */
const REVOCATIONS_CHANNEL = 'mosaic_revocations';

const storesOn = (session: Session): Stores => ({
  users: createUserStore(session),
  teams: createTeamStore(session),
  tokens: createTokenStore(session),
  grants: createGrantStore(session),
  peers: createPeerStore(session),
  peerRenewals: createPeerRenewalStore(session),
  peerTrust: createPeerTrustStore(session),
  enrollmentTokens: createEnrollmentTokenStore(session),
  enrollments: createEnrollmentStore(session),
  certificates: createCertificateStore(session),
  revocationOutbox: createRevocationOutbox(session),
  revocationEpoch: createRevocationEpochStore(session),
  audit: createAuditStore(session),
  auditChain: createAuditChainStore(session),
  secrets: createSecretStore(session),
  embeddedCa: createEmbeddedCaStore(session),
  stepCaRoll: createStepCaRollStore(session),
  resources: createResourceWriter(session),
  sealed: createSealedStore(session),
});

/** A driver for each purpose; several may be one and the same. */
export interface Drivers {
  /** Small lists and single rows, and what it takes to decide on them. Nothing is written on it, so no commit holds it up. */
  readonly reads: Driver;
  readonly search: Driver;
  /** As `reads` and `search`, of the login that answers peers: what is read for a grant, and nothing else. */
  readonly peerReads: Driver;
  readonly peerSearch: Driver;
  /** The public and the admin API; all transactions. */
  readonly writes: Driver;
  /** Audit log, outbox, watches, notifications and the barrier of revocations. */
  readonly background: Driver;
}

/** The same stores, each method over the connections of its purpose. */
const storesByPurpose = ({ reads, writes, background }: Drivers): Stores => {
  const stores = storesOn(driverSession(writes));
  if (reads === writes && background === writes) return stores;
  const reading = driverSession(reads);
  const behind = driverSession(background);
  const tokens = createTokenStore(reading);
  const grants = createGrantStore(reading);
  const peers = createPeerStore(reading);
  const audit = createAuditStore(behind);
  return {
    ...stores,
    tokens: {
      ...stores.tokens,
      principal: (hash, now) => tokens.principal(hash, now),
      asker: (hash, now) => tokens.asker(hash, now),
    },
    grants: { ...stores.grants, byId: (id) => grants.byId(id) },
    peers: { ...stores.peers, byId: (id) => peers.byId(id) },
    audit: { ...stores.audit, insertMany: (entries) => audit.insertMany(entries) },
    auditChain: createAuditChainStore(behind),
    revocationOutbox: createRevocationOutbox(behind),
    revocationEpoch: createRevocationEpochStore(behind),
  };
};

const ping = async (driver: Driver, demand: 'api' | 'peers'): Promise<void> => {
  const [session] = await driver.query<SessionFacts>(SESSION_FACTS);
  refuseUnfit(session, demand);
};

/** One driver for every purpose: the one session of the embedded database, or the one connection of a short life. */
export const forAll = (driver: Driver): Drivers => ({
  reads: driver,
  search: driver,
  peerReads: driver,
  peerSearch: driver,
  writes: driver,
  background: driver,
});

/** What the statements of a request may take together, by whose it is, in milliseconds. */
export interface Requests {
  readonly budgets: RequestBudgets;
  readonly limits: Readonly<Record<Asker, number>>;
}

export interface StorageParts {
  /** Absent: a request has no limit for all its statements, as the embedded database has none for one. */
  readonly requests?: Requests;
  /** Absent: the process lives too short to have one, or has the database to itself. */
  readonly lease?: Lease;
  readonly monitor?: Pick<DatabaseMonitor, 'state'>;
}

/**
 * What a peer asks goes over the peers' login, and what a person asks at the own gateway never does. A page of many rows may take as long
 * as a search, and whatever stands behind it on a connection waits for it (F-5, F-12).
 */
const connectionsOf =
  ({ reads, search, peerReads, peerSearch }: Drivers, lease: Lease | null) =>
  ({ terms: { fence, target } }: AuthorizedRead): ReadConnection => {
    const isLong = target.verb === 'search' || (target.verb === 'list' && target.limit > LIGHT_ROWS);
    return fence === null
      ? { db: isLong ? search : reads, lease: null }
      : { db: isLong ? peerSearch : peerReads, lease };
  };

/** The Storage port over drivers whose sessions are `mosaic_app`, and those for peers `mosaic_peer_reader` where they are others. */
export const createStorage = (
  given: Driver | Drivers,
  { lease, requests, monitor = createDatabaseMonitor() }: StorageParts = {},
): Storage => {
  const drivers = 'query' in given ? forAll(given) : given;
  const { reads, peerReads, writes, background } = drivers;
  return {
    stores: storesByPurpose(drivers),
    reader: createResourceReader(connectionsOf(drivers, lease ?? null)),
    transaction: (work, { asAdmin = false } = {}) =>
      writes.transaction(async (transaction) => {
        if (asAdmin) await transaction.script('set local role mosaic_admin');
        return work(storesOn(transactionSession(transaction)));
      }),
    within: (asker, work) =>
      requests === undefined ? work() : requests.budgets.within(requests.limits[asker], work),
    ping: async () => {
      const own = [...new Set([reads, writes])];
      await Promise.all([
        ...own.map((driver) => ping(driver, 'api')),
        ...(own.includes(peerReads) ? [] : [ping(peerReads, 'peers')]),
      ]);
      lease?.assertHeld();
    },
    assertServing: async () => {
      await lease?.assertHeldOn(reads);
    },
    state: () => monitor.state,
    settled: () => background.settled(),
    onRevocations: (heard) => background.listen(REVOCATIONS_CHANNEL, heard),
    close: async () => {
      await lease?.stop();
      await Promise.all([...new Set(Object.values(drivers))].map((driver: Driver) => driver.close()));
    },
  };
};
