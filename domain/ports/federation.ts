import type { AuditEntry, AuditOutcome } from '../audit/entry.ts';
import type { Grant, GrantStatus } from '../grants/grant.ts';
import type { PeerDirection, PeerState } from '../peers/peer.ts';
import type { Scope } from '../scope/scope.ts';
import type { Page, PageRequest } from './page.ts';

/** A grant as stored, with the sealed key under which its queries are hashed. */
export interface GrantRecord {
  readonly grant: Grant;
  /** Sealed 32 bytes, identity `federation_grants/<id>/audit_key`. */
  readonly auditKeySealed: string;
}

export interface GrantPatch {
  readonly scope?: Scope;
  readonly rateLimitPerMinute?: number | null;
  readonly cacheTtlSeconds?: number | null;
  readonly expiresAt?: Date | null;
  readonly auditStrict?: boolean;
}

export interface GrantFilter {
  readonly status?: GrantStatus;
  readonly subjectUserId?: string;
  readonly peerId?: string;
}

/** Every change raises `version`. Conditional updates: who loses the race gets null (EXAMPLES: openstatus). */
export interface GrantStore {
  insert(record: GrantRecord): Promise<void>;
  /** The stored scope is read with `readStoredScope`. */
  byId(id: string): Promise<GrantRecord | null>;
  list(page: PageRequest, filter: GrantFilter): Promise<Page<Grant>>;
  /** Changes a pending or active grant at that version. */
  patch(id: string, expectedVersion: number, patch: GrantPatch): Promise<Grant | null>;
  /** pending → active, or null. */
  activate(id: string, at: Date): Promise<Grant | null>;
  /** pending or active or expired → revoked, or null when it was revoked already or is unknown. */
  revoke(id: string, reason: string, at: Date): Promise<Grant | null>;
  /** The grant as it is now, held until the surrounding transaction ends: nobody revokes or changes it meanwhile. */
  lock(id: string): Promise<Grant | null>;
  /** Revokes every grant of one peer and returns their ids. (For a deleted user a database trigger does it.) */
  revokeByPeer(peerId: string, reason: string, at: Date): Promise<readonly string[]>;
}

/** The other gateway, as one side knows it. Fields from `federationUrl` on are set for `outbound` only. */
export interface Peer {
  readonly id: string;
  readonly direction: PeerDirection;
  /** Inbound: unique among inbound peers. Outbound: unique among one local user's peers (`federated:<name>`). */
  readonly name: string;
  readonly state: PeerState;
  readonly createdAt: Date;
  readonly localUserId: string | null;
  /** Base of B's mTLS listener, `https://host:port`. */
  readonly federationUrl: string | null;
  readonly caPem: string | null;
  /** SHA-256 of the CA's DER, lower-case hexadecimal. */
  readonly caFingerprint: string | null;
  readonly clientCertPem: string | null;
  /** Sealed, identity `federation_peers/<id>/client_key_pem`. */
  readonly clientKeyPemSealed: string | null;
  readonly remoteGrantId: string | null;
  readonly remoteSubjectUserId: string | null;
  readonly certificateNotAfter: Date | null;
  readonly lastSuccessAt: Date | null;
  readonly lastFailureAt: Date | null;
  readonly lastFailureCode: string | null;
  /** Outbound: stands in the key of all that is cached of this peer. Rises, and nothing cached before is found any more. */
  readonly cacheEpoch: number;
  /** Outbound: the version of the grant the peer's last answer was decided on; null before the first. */
  readonly remoteGrantVersion: number | null;
  /** Outbound: how often the peer came back after it could not be reached. */
  readonly outages: number;
}

/**
 * What of a peer's row is read with every question to it. Certificates and key are not: they are read when a connection is to
 * be made, which `cacheEpoch` tells, since it rises with them.
 */
export type AskedPeer = Pick<
  Peer,
  | 'id'
  | 'name'
  | 'state'
  | 'localUserId'
  | 'federationUrl'
  | 'remoteGrantId'
  | 'cacheEpoch'
  | 'remoteGrantVersion'
  | 'outages'
>;

/** What an outbound peer is asked with. */
export interface PeerCertificate {
  readonly caPem: string;
  readonly caFingerprint: string;
  readonly clientCertPem: string;
  /** Sealed, identity `federation_peers/<id>/client_key_pem`. */
  readonly clientKeyPemSealed: string;
  readonly certificateNotAfter: Date;
}

export interface PeerFilter {
  readonly direction?: PeerDirection;
  readonly localUserId?: string;
}

export interface PeerStore {
  /** @throws MosaicError `conflict` when the name is taken; `grant_claimed` when another peer of this user holds the grant */
  insert(peer: Peer): Promise<void>;
  byId(id: string): Promise<Peer | null>;
  inboundByName(name: string): Promise<Peer | null>;
  /** All peers of one local user that could be asked (outbound). */
  ofUser(localUserId: string): Promise<readonly Peer[]>;
  list(page: PageRequest, filter: PeerFilter): Promise<Page<Peer>>;
  /** Conditional on the state it was decided from; false when someone else was faster. */
  setState(id: string, from: PeerState, to: PeerState): Promise<boolean>;
  /**
   * Raises the cache epoch and returns it; null when there is no such peer. A change of state, certificate or grant raises
   * it by itself (database trigger).
   */
  raiseCacheEpoch(id: string): Promise<number | null>;
  /** Notes what version of the grant the peer decides on now; another one than before raises the cache epoch. */
  recordGrantVersion(id: string, version: number): Promise<void>;
  /**
   * Certificate and key at once, if the certificate still is `from` and the peer usable; it is active then. False when
   * somebody else was faster.
   */
  swapCertificate(id: string, from: string, next: PeerCertificate): Promise<boolean>;
  /** @param recovered whether it could not be reached before, which is counted; null: as its row tells */
  recordSuccess(id: string, at: Date, recovered: boolean | null): Promise<void>;
  recordFailure(id: string, at: Date, code: string): Promise<void>;
  delete(id: string): Promise<boolean>;
  /** Keeps what a peer's audit is checked against, as text of ours; nothing of its rows. */
  auditOf(id: string): Promise<PeerAudit | null>;
  /** The key is pinned once: false when there is another one already. */
  pinAuditKey(id: string, key: string): Promise<boolean>;
  /** Conditional on what was read before; false when someone else was faster. */
  setAuditSeen(id: string, before: string | null, seen: string): Promise<boolean>;
}

/** What this side remembers of an outbound peer's audit log. */
export interface PeerAudit {
  /** Public key its checkpoints are signed under, SPKI as base64url; null while it is not known. */
  readonly key: string | null;
  /** The newest place and checkpoint of each of its writers (src/federation/witness.ts). */
  readonly seen: string | null;
}

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly grantId: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'used' }
  | { readonly kind: 'expired' }
  /** Another redemption is under way; poll `claim` again until it is used or released. */
  | { readonly kind: 'busy' };

export interface EnrollmentTokenStore {
  insert(token: {
    readonly hash: string;
    readonly grantId: string;
    readonly createdAt: Date;
    readonly expiresAt: Date;
  }): Promise<void>;
  /**
   * Claims a token in one atomic statement. A claim whose lease ran out (its process died) can be taken over.
   * @param leaseUntil how long this claim keeps others waiting
   */
  claim(hash: string, claimId: string, now: Date, leaseUntil: Date): Promise<ClaimOutcome>;
  /** The token is spent; false when the claim was lost meanwhile. */
  finish(hash: string, claimId: string, at: Date): Promise<boolean>;
  /** The token is usable again (the CA failed). */
  release(hash: string, claimId: string): Promise<void>;
  /** Spends every open token of a grant (a new one was made, or the grant was revoked). */
  closeForGrant(grantId: string, at: Date): Promise<void>;
}

export interface CertificateRecord {
  readonly id: string;
  readonly grantId: string;
  readonly status: 'requested' | 'issued' | 'failed' | 'revoked';
  readonly serial: string | null;
  readonly fingerprint: string | null;
  readonly notBefore: Date | null;
  readonly notAfter: Date | null;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  /** SHA-256 of its SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly publicKeyHash: string | null;
  /** Kept for a holder that did not get the answer to its renewal. */
  readonly certificatePem: string | null;
  readonly chainPem: string | null;
  /** When its holder first said that it uses this one. */
  readonly confirmedAt: Date | null;
  /** Superseded: it ends then. */
  readonly revokeAt: Date | null;
}

export interface CertificateStore {
  /** The intent is recorded before the CA signs. */
  insertRequested(id: string, grantId: string, at: Date, publicKeyHash?: string): Promise<void>;
  markIssued(
    id: string,
    issued: {
      readonly serial: string;
      readonly fingerprint: string;
      readonly notBefore: Date;
      readonly notAfter: Date;
      readonly certificatePem?: string;
      readonly chainPem?: string;
    },
  ): Promise<void>;
  markFailed(id: string): Promise<void>;
  /** Whether a certificate of another grant is, or was, over this key. */
  isKeyOfAnother(publicKeyHash: string, grantId: string): Promise<boolean>;
  /** The holder uses this one: what was made before it for the same grant ends at `revokeAt`. Says how many. */
  confirm(id: string, at: Date, revokeAt: Date): Promise<number>;
  /** Revokes one that was issued, as `revokeOfGrant` does. */
  revokeOne(id: string, reason: string, at: Date): Promise<void>;
  /** Revokes what was superseded and whose overlap is over. Says how many. */
  revokeSuperseded(at: Date): Promise<number>;
  ofGrant(grantId: string): Promise<readonly CertificateRecord[]>;
  /** Active grants with a good certificate whose holder has not confirmed one that was made since then. */
  unmovedSince(since: Date, now: Date): Promise<number>;
  /** Certificates that are good and were made before then. */
  goodBefore(since: Date, now: Date): Promise<number>;
  /** Revokes the issued certificates of a grant in the database, and puts each serial into the CA outbox. */
  revokeOfGrant(grantId: string, reason: string, at: Date): Promise<readonly string[]>;
}

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

export interface AuditFilter {
  readonly grantId?: string;
  readonly peerId?: string;
  readonly subjectUserId?: string;
  readonly outcome?: AuditOutcome;
  readonly verb?: string;
  readonly reasonCode?: string;
  readonly traceId?: string;
  readonly from?: Date;
  readonly to?: Date;
}

export interface AuditStore {
  /** One multi-row insert. */
  insertMany(entries: readonly AuditEntry[]): Promise<void>;
  list(page: PageRequest, filter: AuditFilter): Promise<Page<AuditEntry>>;
  /** Entries an hour (UTC) by outcome, oldest first; hours without any are left out. */
  histogram(filter: AuditFilter): Promise<readonly AuditHour[]>;
}

export interface AuditHour extends Readonly<Record<AuditOutcome, number>> {
  /** Its beginning. */
  readonly hour: Date;
}

/** Sealed keys of the gateway itself (cursor MAC, audit hash without a grant, the embedded CA's key). */
export interface SecretStore {
  get(name: string): Promise<string | null>;
  /** Stores `sealed` if the name is free, and returns what is stored then: one winner among replicas. */
  putIfAbsent(name: string, sealed: string): Promise<string>;
}

export interface RevokedSerial {
  readonly serial: string;
  readonly revokedAt: Date;
  /** As given to `recordRevocation`; shown in the CRL. */
  readonly reason?: string;
}

/** Generations of a CA's root. At most two are trusted: `issuing` is one of them. */
export interface Generations<T> {
  readonly oldest: T;
  readonly issuing: T;
  readonly newest: T;
  /** When the newest was made known; null: nothing is rolled over. */
  readonly announcedAt: Date | null;
  /** When the newest began to issue. */
  readonly switchedAt: Date | null;
}

/** Of the embedded CA, counted from 1. */
export type RootGenerations = Generations<number>;

/** Which of the configured step-cas issues and which are trusted, by SHA-256 of their intermediates. */
export interface StepCaRollStore {
  /** null: nothing was ever rolled over, so it is the configured one. */
  get(): Promise<Generations<string> | null>;
  /** False when it is not `from` any more: somebody else was faster. */
  change(from: Generations<string>, to: Generations<string>): Promise<boolean>;
}

/** What the embedded CA keeps: revoked serials and the CRL's number, which only rises. */
export interface EmbeddedCaStore {
  /** Idempotent. Notes when the certificate ends; the longest any may live, where it is not known here. */
  recordRevocation(serial: string, reason: string, at: Date): Promise<void>;
  /**
   * In order of their serials, at most `limit`.
   * @param endsAfter leaves out those whose certificates ended by then
   * @param after the serial to go on from; empty for the start
   */
  revocations(endsAfter: Date, after: string, limit: number): Promise<readonly RevokedSerial[]>;
  roots(): Promise<RootGenerations>;
  /** False when they are not `from` any more: somebody else was faster. */
  changeRoots(from: RootGenerations, to: RootGenerations): Promise<boolean>;
  /** Raises and returns the CRL number. */
  nextCrlNumber(): Promise<bigint>;
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
