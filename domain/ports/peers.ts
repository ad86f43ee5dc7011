import type { PeerDirection, PeerState } from '../peers/peer.ts';
import type { Page, PageRequest } from './page.ts';

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
  /** The newest place and checkpoint of each of its writers (src/outbound/audit/witness.ts). */
  readonly seen: string | null;
}
