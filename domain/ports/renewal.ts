import type { Peer } from './peers.ts';

/** A renewal of an outbound peer's certificate, as far as it got. */
export interface PeerRenewal {
  readonly peerId: string;
  /** Sealed, identity `peer_renewals/<peer id>/pending_key_pem`. Stored before anybody is asked for a certificate. */
  readonly pendingKeyPemSealed: string | null;
  readonly pendingCsrPem: string | null;
  /** Begun since the last success, this one included. */
  readonly attempts: number;
  /** The serving side has not heard yet that the new certificate is in use. */
  readonly unconfirmed: boolean;
}

/** One row a peer. A claim keeps other replicas away while it lasts; what it does counts only as long as it is held. */
export interface PeerRenewalStore {
  /** Usable outbound peers whose renewal nobody has a date for yet. */
  unscheduled(limit: number): Promise<readonly Peer[]>;
  /** Sets the date, unless there is one. */
  schedule(peerId: string, dueAt: Date): Promise<void>;
  /** Ids of usable peers whose date has come, whose certificate is good and that nobody works on, the longest due first. */
  due(limit: number, now: Date): Promise<readonly string[]>;
  /**
   * One winner among replicas; null for everyone else, and when `mustBeDue` and it is not any more.
   * @param until when others may take over, should this process die
   */
  claim(
    peerId: string,
    claimId: string,
    now: Date,
    until: Date,
    mustBeDue: boolean,
  ): Promise<PeerRenewal | null>;
  /** The new key, before the request. False: the claim was lost. */
  savePending(peerId: string, claimId: string, keyPemSealed: string, csrPem: string): Promise<boolean>;
  /** The new pair is in use: together with `swapCertificate` in one transaction. False: the claim was lost. */
  swapped(peerId: string, claimId: string): Promise<boolean>;
  /** Ends the claim. `succeeded` counts attempts from the start again. */
  release(
    peerId: string,
    claimId: string,
    dueAt: Date,
    outcome: 'succeeded' | 'unconfirmed' | 'failed',
  ): Promise<void>;
}
