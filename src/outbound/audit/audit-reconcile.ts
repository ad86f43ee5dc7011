import { readCheckpoint, rootOf, signedText } from '../../../domain/audit/checkpoint.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { OutboundDeps } from '../deps.ts';
import { auditPlacesAtPeer, type ClaimedPlace } from './audit-places.ts';
import { readRemembered, type Remembered } from './witness.ts';
import { verifyAuditSignature } from '../../audit/audit-signer.ts';
import { sha256 } from '../../kernel/mac.ts';
import { callTrace, type Traced } from '../client/call-telemetry.ts';

/**
 * `agrees`: the peer still says what it said. `changed`: the entry, or one before it, is another now. `missing`: the entry
 * is gone. `lost_tail`: it is gone, and the peer says that this replica of its ended without a word. `dropped`: the peer
 * accounts for it as dropped. `two_heads`: the peer has shown two heads for one entry. `unsigned`: its checkpoint is not
 * signed with the key that was pinned.
 */
export type PlaceVerdict =
  'agrees' | 'changed' | 'missing' | 'lost_tail' | 'dropped' | 'two_heads' | 'unsigned';

export interface ReconciledPlace {
  readonly writerId: string;
  readonly seq: number;
  /** Whether the peer has signed it; otherwise it has only said it. */
  readonly isSigned: boolean;
  readonly verdict: PlaceVerdict;
}

export interface Reconciliation {
  readonly verdict: 'agrees' | 'incomplete' | 'contradicts';
  /** `pinned`: the one from the enrollment. `first_seen`: pinned by this call. `changed`: another one than was pinned. */
  readonly key: 'pinned' | 'first_seen' | 'changed';
  readonly places: readonly ReconciledPlace[];
}

interface Held {
  readonly writerId: string;
  readonly seq: number;
  readonly head: string;
  readonly isSigned: boolean;
  readonly conflict: boolean;
  readonly checkpoint: string | null;
}

const MAX_PLACES = 64;

const heldOf = ({ writerId, seq, head, checkpoint, conflict }: Remembered): readonly Held[] => {
  const signed = checkpoint === null ? null : readCheckpoint(checkpoint);
  const common = { writerId, conflict: conflict !== null };
  return [
    { ...common, seq, head, isSigned: false, checkpoint: null },
    ...(signed === null
      ? []
      : [{ ...common, seq: signed.seq, head: signed.head, isSigned: true, checkpoint }]),
  ];
};

const isSignedWith = async (key: string, grantId: string, text: string): Promise<boolean> => {
  const checkpoint = readCheckpoint(text);
  if (checkpoint === null) return false;
  const signed = signedText(checkpoint.writerId, checkpoint.at, rootOf(sha256, grantId, checkpoint));
  return verifyAuditSignature(key, signed, checkpoint.signature);
};

const judge = (held: Held, claimed: ClaimedPlace): PlaceVerdict => {
  if (held.conflict) return 'two_heads';
  if (claimed.state === 'missing') return claimed.hasLostTail && !held.isSigned ? 'lost_tail' : 'missing';
  if (claimed.head !== null && claimed.head !== held.head) return 'changed';
  if (claimed.isConsistent === false) return 'changed';
  return claimed.state === 'dropped' ? 'dropped' : 'agrees';
};

const pin = async (deps: OutboundDeps, peer: Peer, known: string | null, claimed: string) => {
  if (known !== null) return known === claimed ? 'pinned' : 'changed';
  return (await deps.storage.stores.peers.pinAuditKey(peer.id, claimed)) ? 'first_seen' : 'changed';
};

/**
 * Compares what a peer has said of its audit log, answer by answer, with what it says now. This finds what the peer's own
 * verification cannot: a log that was rewritten as a whole, or whose end was cut off.
 *
 * @throws MosaicError `not_found`, `invalid_transition` (a peer that asks us), `peer_*` when the peer does not answer
 */
export const reconcilePeer = async (
  deps: OutboundDeps,
  peerId: string,
  asked: Traced,
): Promise<Reconciliation> => {
  const { peers } = deps.storage.stores;
  const peer = await peers.byId(peerId);
  if (peer === null) throw new MosaicError('not_found');
  const grantId = peer.remoteGrantId;
  if (peer.direction !== 'outbound' || grantId === null)
    throw new MosaicError('invalid_transition', {
      detail: 'The peer is inbound. Only an outbound peer keeps an audit log of this gateway’s requests.',
    });
  const outbound = deps.outbound;
  await outbound.witness.settled();
  const known = await peers.auditOf(peerId);
  const held = readRemembered(known?.seen ?? null)
    .flatMap(heldOf)
    .slice(0, MAX_PLACES);
  const answer = await auditPlacesAtPeer(peer, held, {
    outbound,
    ...callTrace(deps, asked, 'client'),
    deadline: { signal: AbortSignal.timeout(deps.settings.peerTimeoutMs) },
    learn: (asked, failure) => deps.learner.learn(asked, failure),
  });
  if (!answer.ok) throw new MosaicError(answer.error.code, { detail: answer.error.message });
  const key = await pin(deps, peer, known?.key ?? null, answer.value.key);
  const pinned = known?.key ?? answer.value.key;
  const places: ReconciledPlace[] = [];
  for (const [index, one] of held.entries()) {
    const claimed = answer.value.places[index];
    const { writerId, seq, isSigned, checkpoint } = one;
    if (claimed === undefined || claimed.writerId !== writerId || claimed.seq !== seq)
      throw new MosaicError('peer_protocol', {
        detail: 'The peer answered about audit entries that it was not asked about.',
      });
    const isGood = checkpoint === null || (await isSignedWith(pinned, grantId, checkpoint));
    places.push({ writerId, seq, isSigned, verdict: isGood ? judge(one, claimed) : 'unsigned' });
  }
  const isContradicted =
    key === 'changed' || places.some(({ verdict }) => !['agrees', 'dropped', 'lost_tail'].includes(verdict));
  const isWhole = places.every(({ verdict }) => verdict === 'agrees');
  return { verdict: isContradicted ? 'contradicts' : isWhole ? 'agrees' : 'incomplete', key, places };
};
