import type { AskedPeer } from '../../../domain/ports/peers.ts';
import type { PeerFailure } from '../client/failure.ts';

/** Learns from refusals that a peer has revoked us (SPEC M6-7). */
export interface RevocationLearner {
  /** @returns the failure, marked when it is a proven revocation */
  learn(peer: AskedPeer, failure: PeerFailure): Promise<PeerFailure>;
  /** Resolves when the lists under way are read. */
  settled(): Promise<void>;
}
