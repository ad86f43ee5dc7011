import type { AuditChainStore } from './audit.ts';
import type { TeamStore, TokenStore, UserStore } from './directory.ts';
import type {
  AuditStore,
  CertificateStore,
  EmbeddedCaStore,
  EnrollmentTokenStore,
  GrantStore,
  PeerStore,
  RevocationOutbox,
  SecretStore,
} from './federation.ts';
import type { PeerRenewalStore } from './renewals.ts';
import type { SealedStore } from './sealed.ts';
import type { ResourceReader, ResourceWriter } from './resources.ts';

export interface Stores {
  readonly users: UserStore;
  readonly teams: TeamStore;
  readonly tokens: TokenStore;
  readonly grants: GrantStore;
  readonly peers: PeerStore;
  readonly peerRenewals: PeerRenewalStore;
  readonly enrollmentTokens: EnrollmentTokenStore;
  readonly certificates: CertificateStore;
  readonly revocationOutbox: RevocationOutbox;
  readonly audit: AuditStore;
  readonly auditChain: AuditChainStore;
  readonly secrets: SecretStore;
  readonly embeddedCa: EmbeddedCaStore;
  readonly resources: ResourceWriter;
  readonly sealed: SealedStore;
}

export interface TransactionOptions {
  /** Runs as the administrating role, which row-level security lets manage memberships and delete people's rows. */
  readonly asAdmin?: boolean;
}

/** The database behind the gateway. Failures to reach it surface as MosaicError `database_unavailable`. */
export interface Storage {
  readonly stores: Stores;
  readonly reader: ResourceReader;
  /** All or nothing; keep it short and do no other I/O inside. */
  transaction<T>(work: (stores: Stores) => Promise<T>, options?: TransactionOptions): Promise<T>;
  ping(): Promise<void>;
  close(): Promise<void>;
}
