import type { ChainGap } from '../../domain/audit/chain.ts';
import type { Covered } from '../../domain/audit/checkpoint.ts';
import { followChain, type Anchor, type Finding, type Follower } from '../../domain/audit/verify.ts';
import type { ChainedEntry } from '../../domain/ports/audit.ts';
import { sha256 } from '../kernel/mac.ts';

export interface GrantResult {
  readonly chains: number;
  readonly entries: number;
  readonly unconfirmed: number;
  readonly findings: readonly Finding[];
}

/** The chains of one grant, one for each writer, followed together. */
export interface FollowedGrant {
  /** The next entry, in the order of time. */
  entry(entry: ChainedEntry): void;
  /** There are no more. */
  end(): GrantResult;
}

/** What is known of the chains beside their entries; signatures are checked by the caller. */
export interface GrantEvidence {
  readonly grantId: string | null;
  readonly gaps: readonly ChainGap[];
  readonly anchors: readonly Covered[];
  /** Writers that ended without a word. */
  readonly lost: ReadonlySet<string>;
  /** What was found before any entry. */
  readonly forged: readonly Finding[];
}

export const followGrant = ({ grantId, gaps, anchors, lost, forged }: GrantEvidence): FollowedGrant => {
  const anchorsOf = Map.groupBy(anchors, ({ writerId }) => writerId);
  const gapsOf = Map.groupBy(gaps, ({ writerId }) => writerId);
  const followers = new Map<string, Follower>();
  let entries = 0;

  const followerOf = (writerId: string): Follower => {
    const known = followers.get(writerId);
    if (known !== undefined) return known;
    const made = followChain(sha256, {
      grantId,
      writerId,
      gaps: gapsOf.get(writerId) ?? [],
      anchors: (anchorsOf.get(writerId) ?? []) satisfies readonly Anchor[],
      hasLostTail: lost.has(writerId),
    });
    followers.set(writerId, made);
    return made;
  };

  // What a chain must have is known before any of its entries is there.
  for (const writerId of [...anchorsOf.keys(), ...gapsOf.keys()]) followerOf(writerId);

  return {
    entry: (entry) => {
      entries += 1;
      followerOf(entry.writerId).entry(entry);
    },
    end: () => {
      const all = [...followers.values()];
      for (const follower of all) follower.end();
      return {
        chains: all.length,
        entries,
        unconfirmed: all.reduce((sum, { wholeTo, confirmedTo }) => sum + wholeTo - confirmedTo, 0),
        findings: [...forged, ...all.flatMap(({ findings }) => findings)],
      };
    },
  };
};
