export interface OutboxItem {
  readonly id: string;
  readonly serial: string;
  readonly reason: string;
  readonly attempts: number;
}

/** Revocations the CA has still to be told of. */
export interface RevocationOutbox {
  /** Takes up to `limit` items not under way, leasing each until `leaseUntil`. */
  take(limit: number, now: Date, leaseUntil: Date): Promise<readonly OutboxItem[]>;
  done(id: string, at: Date): Promise<void>;
  failed(id: string, retryAt: Date): Promise<void>;
}

/** What is remembered of a gateway we ask, so that nobody can make us forget a revocation. */
export interface PeerTrust {
  /** JSON of the P-256 public key (JWK) that signs its statements, pinned when we enrolled; null for older enrollments. */
  readonly signingKey: string | null;
  /** Where its list of revoked certificates is. */
  readonly crlUrl: string | null;
  /** Who signed the newest list seen: SHA-256 of the key, hexadecimal. */
  readonly crlSigner: string | null;
  /** The highest number of a list of that signer seen. */
  readonly crlNumber: bigint | null;
  /** Its signed revocation epoch, the highest seen. */
  readonly epochToken: string | null;
}

export interface PeerTrustStore {
  /** All null where nothing is remembered. */
  get(peerId: string): Promise<PeerTrust>;
  /** Of several at once; without those of whom nothing is remembered. */
  ofPeers(peerIds: readonly string[]): Promise<ReadonlyMap<string, PeerTrust>>;
  /** Once: what is pinned already stays. */
  pin(peerId: string, trust: Pick<PeerTrust, 'signingKey' | 'crlUrl'>): Promise<void>;
  /** Only upwards. */
  rememberEpoch(peerId: string, epoch: number, token: string): Promise<void>;
  /**
   * False when a higher number was seen before of the same signer.
   * @param signer SHA-256 of the key that signed the list, hexadecimal
   */
  rememberCrl(peerId: string, signer: string, number: bigint): Promise<boolean>;
  /** The peer becomes `revoked`, and its user is to be told; false when it was before, or is none we ask. */
  markRevoked(peerId: string): Promise<boolean>;
  /** Names of the user's peers whose revocation was not told yet: each is given once, whoever asks at the same time. */
  takeNotices(localUserId: string): Promise<readonly string[]>;
}

export interface RevocationEpoch {
  /** Rises with every revocation, by steps that nobody can foresee. */
  readonly epoch: number;
  /** The highest one that was shown to have been published by us and that this database lacks; 0 for none. */
  readonly proven: number;
  /** Since when it is known that this database lacks revocations that were published; null: it lacks none. */
  readonly lostSince: Date | null;
}

/** A grant that is in force and that a restore may have un-revoked. */
export interface QuestionableGrant {
  readonly grantId: string;
  /** Names; null for a peer or a user that is not there any more. */
  readonly peer: string | null;
  readonly user: string | null;
  readonly status: 'pending' | 'active';
  readonly createdAt: Date;
  /** Of its certificates that count. */
  readonly serials: readonly string[];
}

export interface RevocationEpochStore {
  /**
   * @param published an epoch that was published, 0 for none; `knows`: this database has had it
   */
  read(published: number): Promise<RevocationEpoch & { readonly knows: boolean }>;
  /** Notes that this epoch was published. If this database never had it, revocations are lost until `accept`. */
  prove(published: number): Promise<RevocationEpoch>;
  /** An administrator accepts the older database: the epoch goes above all that was published. Null when nothing is lost. */
  accept(): Promise<RevocationEpoch | null>;
  /** Grants in force that were made before the loss was known, newest first; none when nothing is lost. */
  questionable(limit: number): Promise<readonly QuestionableGrant[]>;
}
