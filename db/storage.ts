import { MosaicError } from '../domain/errors.ts';
import type { Storage, Stores } from '../domain/ports/storage.ts';
import type { Driver } from './driver/driver.ts';
import { createAuditChainStore } from './stores/audit-chain.ts';
import { createAuditStore } from './stores/audit.ts';
import { createCertificateStore } from './stores/certificates.ts';
import { createEmbeddedCaStore } from './stores/embedded-ca.ts';
import { createEnrollmentTokenStore } from './stores/enrollment-tokens.ts';
import { createEnrollmentStore } from './stores/enrollments.ts';
import { createGrantStore } from './stores/grants.ts';
import { createPeerRenewalStore } from './stores/peer-renewals.ts';
import { createPeerTrustStore } from './stores/peer-trust.ts';
import { createPeerStore } from './stores/peers.ts';
import { createResourceReader } from './stores/resource-reader.ts';
import { createResourceWriter } from './stores/resource-writer.ts';
import { createRevocationEpochStore } from './stores/revocation-epoch.ts';
import { createRevocationOutbox } from './stores/revocation-outbox.ts';
import { createSealedStore } from './stores/sealed.ts';
import { createSecretStore } from './stores/secrets.ts';
import { driverSession, transactionSession, type Session } from './stores/session.ts';
import { createStepCaRollStore } from './stores/step-ca-roll.ts';
import { createTeamStore } from './stores/teams.ts';
import { createTokenStore } from './stores/tokens.ts';
import { createUserStore } from './stores/users.ts';

const SERVING_ROLE = 'mosaic_app';
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

/** The Storage port over a driver whose session is `mosaic_app`. */
export const createStorage = (driver: Driver): Storage => ({
  stores: storesOn(driverSession(driver)),
  reader: createResourceReader(driver),
  transaction: (work, { asAdmin = false } = {}) =>
    driver.transaction(async (transaction) => {
      if (asAdmin) await transaction.script('set local role mosaic_admin');
      return work(storesOn(transactionSession(transaction)));
    }),
  ping: async () => {
    const [session] = await driver.query<{ readonly role: string }>('select current_user::text as role');
    // Row-level security binds this role alone. It is asked for when a session starts, and a pooler, or a `role` in
    // the database's address, can undo that without a word.
    if (session?.role !== SERVING_ROLE) {
      throw new MosaicError('database_unavailable', {
        detail: `The database’s sessions do not have the role ${SERVING_ROLE}; check its address and any pooler in between.`,
      });
    }
  },
  settled: () => driver.settled(),
  onRevocations: (heard) => driver.listen(REVOCATIONS_CHANNEL, heard),
  close: () => driver.close(),
});
