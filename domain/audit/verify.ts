import {
  HASH_BYTES,
  firstHead,
  fromHex,
  leafOf,
  nextHead,
  toHex,
  type ChainGap,
  type Hash,
} from './chain.ts';
import type { AuditEntry } from './entry.ts';

/**
 * `changed`: an entry does not say what it said. `missing`: entries are gone, and no gap accounts for them. `moved`: an
 * entry stands where it did not. `rewritten`: all fits together, and does not lead to what was signed. `removed`: the
 * newest entries are gone. `forged`: a gap is not ours. `lost_tail`: the newest are gone that nothing signed has covered, and
 * the writer ended without a word, so that nobody can tell a crash from a deletion. `dropped`: a gap that the gateway itself accounts for.
 */
export type FindingKind =
  'changed' | 'missing' | 'moved' | 'rewritten' | 'removed' | 'forged' | 'lost_tail' | 'dropped';

export interface Finding {
  readonly kind: FindingKind;
  readonly grantId: string | null;
  readonly writerId: string;
  /** The first entry it is about, and the last. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /** Of the first entry, where there is one. */
  readonly entryId: string | null;
}

/** Whether a finding says that somebody changed the log: what was dropped or lost is told, and is no such proof. */
export const isTampering = ({ kind }: Finding): boolean => kind !== 'dropped' && kind !== 'lost_tail';

/** A place in a chain that must be reached. */
export interface Anchor {
  readonly seq: number;
  readonly head: string;
}

export interface FollowedChain {
  readonly grantId: string | null;
  readonly writerId: string;
  /** Signatures are checked by the caller. */
  readonly gaps: readonly ChainGap[];
  /** What was signed or is known otherwise, in any order. */
  readonly anchors: readonly Anchor[];
  /** The writer ended without a word. */
  readonly hasLostTail: boolean;
}

export interface Follower {
  /** The next entry, in the order of time. */
  entry(entry: AuditEntry & { readonly seq: number; readonly head: string }): void;
  /** There are no more. */
  end(): void;
  readonly findings: readonly Finding[];
  /** Up to which entry the chain is whole. */
  readonly wholeTo: number;
  /** Up to which of these an anchor confirms it. */
  readonly confirmedTo: number;
}

const LEAF_LENGTH = HASH_BYTES * 2;

const leavesOf = ({ fromSeq, toSeq, leaves }: ChainGap): readonly Uint8Array[] =>
  leaves === null
    ? []
    : Array.from({ length: toSeq - fromSeq + 1 }, (_, index) =>
        fromHex(leaves.slice(index * LEAF_LENGTH, (index + 1) * LEAF_LENGTH)),
      );

/** Follows one chain from its first entry and names the first that is not as it was. */
export const followChain = (hash: Hash, chain: FollowedChain): Follower => {
  const { grantId, writerId, gaps, hasLostTail } = chain;
  const anchors = new Map(chain.anchors.map(({ seq, head }) => [seq, head]));
  const furthest = Math.max(0, ...anchors.keys());
  const findings: Finding[] = [];
  let seq = 0;
  let head = firstHead();
  let confirmedTo = 0;
  let isBroken = false;

  const report = (
    kind: FindingKind,
    fromSeq: number,
    toSeq = fromSeq,
    entryId: string | null = null,
  ): void => {
    findings.push({ kind, grantId, writerId, fromSeq, toSeq, entryId });
    if (kind !== 'dropped') isBroken = true;
  };

  const arrive = (at: number, entryId: string | null): void => {
    seq = at;
    const expected = anchors.get(at);
    if (expected === undefined) return;
    if (expected === toHex(head)) confirmedTo = at;
    else report('rewritten', confirmedTo + 1, at, entryId);
  };

  const followGap = (gap: ChainGap): void => {
    const first = seq + 1;
    if (gap.leaves === null) head = fromHex(gap.head);
    for (const [index, leaf] of leavesOf(gap).entries()) {
      if (gap.fromSeq + index < first) continue;
      head = nextHead(hash, head, leaf);
      arrive(gap.fromSeq + index, null);
      if (isBroken) return;
    }
    if (toHex(head) === gap.head) {
      report('dropped', first, gap.toSeq);
      arrive(gap.toSeq, null);
    } else report('rewritten', confirmedTo + 1, gap.toSeq);
  };

  /** Through gaps up to before an entry; false when there is a hole that none accounts for. */
  const bridge = (to: number): boolean => {
    for (let next = seq + 1; next < to; next = seq + 1) {
      const gap = gaps.find(({ fromSeq, toSeq }) => fromSeq <= next && next <= toSeq);
      if (gap === undefined) return false;
      followGap(gap);
      if (isBroken) return false;
    }
    return true;
  };

  return {
    findings,
    get wholeTo() {
      return seq;
    },
    get confirmedTo() {
      return confirmedTo;
    },

    entry: (entry) => {
      if (isBroken) return;
      if (entry.seq <= seq) return report('moved', entry.seq, entry.seq, entry.id);
      if (!bridge(entry.seq)) {
        if (!isBroken) report('missing', seq + 1, entry.seq - 1);
        return;
      }
      // A gap may account for an entry that was written after all: its commit was in doubt.
      if (entry.seq <= seq) return;
      head = nextHead(hash, head, leafOf(hash, entry));
      if (toHex(head) !== entry.head) return report('changed', entry.seq, entry.seq, entry.id);
      arrive(entry.seq, entry.id);
    },

    end: () => {
      if (isBroken) return;
      const last = Math.max(furthest, ...gaps.map(({ toSeq }) => toSeq));
      if (bridge(last + 1) || isBroken) return;
      // What an anchor covers was committed: no crash takes that back, whoever says that there was one.
      report(hasLostTail && seq >= furthest ? 'lost_tail' : 'removed', seq + 1, last);
    },
  };
};
