import { LRUCache } from 'lru-cache';
import { readCheckpoint, rootOf, signedText, type Covered } from '../../domain/audit/checkpoint.ts';
import type { Finding } from '../../domain/audit/verify.ts';
import type { SeenCheckpoint } from '../../domain/ports/audit.ts';
import type { AuditSigner } from '../app/deps.ts';
import { sha256 } from '../kernel/mac.ts';

/** Checkpoints that peers have shown, told apart from what somebody put beside them. */
export interface Showings {
  check(
    grantId: string | null,
    seen: readonly SeenCheckpoint[],
  ): Promise<{ readonly anchors: readonly Covered[]; readonly forged: readonly Finding[] }>;
}

const MAX_KNOWN = 2_000;

/** For one verification: one signature is over the chains of many grants, and is looked at once. */
export const createShowings = (signer: AuditSigner): Showings => {
  const known = new LRUCache<string, Promise<boolean>>({ max: MAX_KNOWN });

  const isSigned = (text: string, signature: string): Promise<boolean> => {
    const key = `${text}\n${signature}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const verified = signer.verify(text, signature);
    known.set(key, verified);
    return verified;
  };

  /** Only what we signed is an anchor: a row that was made up would make good entries look bad. */
  const isOurs = async (seen: SeenCheckpoint): Promise<boolean> => {
    const { grantId, writerId, seq, head } = seen;
    const checkpoint = readCheckpoint(seen.checkpoint);
    if (checkpoint?.writerId !== writerId || checkpoint.seq !== seq || checkpoint.head !== head) return false;
    const signed = signedText(checkpoint.writerId, checkpoint.at, rootOf(sha256, grantId, checkpoint));
    return isSigned(signed, checkpoint.signature);
  };

  return {
    check: async (grantId, seen) => {
      const ours = await Promise.all(seen.map(isOurs));
      return {
        anchors: seen.filter((_, index) => ours[index] === true),
        forged: seen
          .filter((_, index) => ours[index] !== true)
          .map(({ writerId, seq }) => ({
            kind: 'forged' as const,
            grantId,
            writerId,
            fromSeq: seq,
            toSeq: seq,
            entryId: null,
          })),
      };
    },
  };
};
