import type { DatabaseState } from '../database/state.ts';
import type { AuditChainStore, AuditStore } from './audit.ts';
import type { TeamStore, TokenStore, UserStore } from './directory.ts';
import type { EnrollmentStore, EnrollmentTokenStore } from './enrollment.ts';
import type { EmbeddedCaStore, StepCaRollStore } from './authority.ts';
import type { CertificateStore } from './certificates.ts';
import type { GrantStore } from './grants.ts';
import type { PeerStore } from './peers.ts';
import type { PeerTrustStore, RevocationEpochStore, RevocationOutbox } from './revocation.ts';
import type { SealedStore, SecretStore } from './sealed.ts';
import type { PeerRenewalStore } from './renewal.ts';
import type { ResourceReader, ResourceWriter } from './resources.ts';

export interface Stores {
  readonly users: UserStore;
  readonly teams: TeamStore;
  readonly tokens: TokenStore;
  readonly grants: GrantStore;
  readonly peers: PeerStore;
  readonly peerRenewals: PeerRenewalStore;
  readonly peerTrust: PeerTrustStore;
  readonly enrollmentTokens: EnrollmentTokenStore;
  readonly enrollments: EnrollmentStore;
  readonly certificates: CertificateStore;
  readonly revocationOutbox: RevocationOutbox;
  readonly revocationEpoch: RevocationEpochStore;
  readonly audit: AuditStore;
  readonly auditChain: AuditChainStore;
  readonly secrets: SecretStore;
  readonly embeddedCa: EmbeddedCaStore;
  readonly stepCaRoll: StepCaRollStore;
  readonly resources: ResourceWriter;
  readonly sealed: SealedStore;
}

export interface TransactionOptions {
  /** Runs as the administrating role, which row-level security lets manage memberships and delete people's rows. */
  readonly asAdmin?: boolean;
}

/** Whose request it is: a peer has given up waiting long before a person's program does. */
export type Asker = 'person' | 'peer';

/** The database behind the gateway. Failures to reach it surface as MosaicError `database_unavailable`. */
export interface Storage {
  readonly stores: Stores;
  readonly reader: ResourceReader;
  /** All or nothing; keep it short and do no other I/O inside. */
  transaction<T>(work: (stores: Stores) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Runs a request: all its statements and its waits for a connection take no longer together than the configuration has it. What
   * passes that is ended and is `database_unavailable`, as of any database that is away. Not the barrier nor the audit log, which work for all.
   */
  within<T>(asker: Asker, work: () => Promise<T>): Promise<T>;
  /**
   * Whether what the database lacks may be told as lacking: it is the one that this process holds its serving lease on. One that was just
   * put back does not know the lease yet. And whether what this host's clock decides may be told. Asked before a refusal, never on the way to an answer.
   * @throws MosaicError `database_unavailable`
   */
  assertServing(): Promise<void>;
  /**
   * The barrier of a revocation, to be called after its commit: resolves when no statement that could still see what was
   * before is running, on any gateway of this database. Takes no longer than a statement may run. On PGlite, one session
   * and one statement at a time, that is so at once.
   */
  settled(): Promise<void>;
  /** Calls `heard` when revocations wait for the CA, or it was told of some, on whichever gateway. @returns what ends it */
  onRevocations(heard: () => void): Promise<() => Promise<void>>;
  /** @throws MosaicError `database_unavailable` when the database does not answer, or is not one to serve from */
  ping(): Promise<void>;
  /** How the database stood when it was last talked to. */
  state(): DatabaseState;
  close(): Promise<void>;
}
