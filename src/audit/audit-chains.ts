import {
  HASH_BYTES,
  firstHead,
  fromHex,
  leafOf,
  nextHead,
  toHex,
  type AuditDraft,
  type ChainGap,
  type Hash,
  type Linked,
} from '../../domain/audit/chain.ts';
import { writePlace, type Covered } from '../../domain/audit/checkpoint.ts';

/** A range of entries that are in the database or accounted for as dropped. */
interface Range {
  readonly from: number;
  to: number;
  head: string;
}

/** Dropped entries in a row, not written down yet. */
interface OpenGap {
  from: number;
  to: number;
  head: string;
  leaves: Uint8Array[] | null;
}

interface Chain {
  readonly grantId: string | null;
  seq: number;
  head: Uint8Array;
  readonly durable: { seq: number; head: string };
  /** Settled ranges that a still open one stands in front of. */
  ahead: Range[];
  gaps: OpenGap[];
  checkpoint: string | null;
}

/** The chains of one writer, in memory alone: pure data, so that it may outlive a request. */
export interface AuditChains {
  readonly writerId: string;
  /** Gives an entry its id, a time not before the entry before it, and its place in the chain of its grant. */
  link(draft: AuditDraft): Linked;
  /** These are in the database. */
  written(entries: readonly Linked[]): void;
  /** This one never will be: its leaf is kept for a gap. */
  dropped(linked: Linked): void;
  /** Takes up to `limit` gaps out, to be written down. */
  takeGaps(limit: number): readonly ChainGap[];
  /** These gaps are in the database. */
  gapsWritten(gaps: readonly ChainGap[]): void;
  /** These are not: keep them for the next time. */
  returnGaps(gaps: readonly ChainGap[]): void;
  readonly hasGaps: boolean;
  /** What the asking side is told of the chain with an answer. */
  place(linked: Linked): string;
  /** Up to where a chain is in the database; null while nothing of it is. */
  durable(grantId: string | null): Covered | null;
  /** Whose chains there are; null stands for no grant. */
  chained(): readonly (string | null)[];
  /** The newest checkpoint of a grant's chain. */
  checkpointOf(grantId: string): string | null;
  /** Chains of grants that are committed further than their last checkpoint says; calling it empties the list. */
  takeUnsigned(limit: number): readonly (readonly [grantId: string, covered: Covered])[];
  setCheckpoint(grantId: string, checkpoint: string): void;
}

export interface AuditChainsOptions {
  readonly writerId: string;
  readonly hash: Hash;
  /** Chains kept ready; of the others only their end is kept. */
  readonly maxAwake?: number;
}

const MAX_AWAKE = 10_000;
/** How many are looked at, for one that can be put to rest, when one more is needed. */
const LOOK_AT = 16;

/** Beyond it a gap is written down without the leaves of what was dropped: memory stays bounded. */
const MAX_LEAVES = 50_000;

const LEAF_LENGTH = HASH_BYTES * 2;

const leavesOf = (text: string): Uint8Array[] =>
  Array.from({ length: text.length / LEAF_LENGTH }, (_, index) =>
    fromHex(text.slice(index * LEAF_LENGTH, (index + 1) * LEAF_LENGTH)),
  );

export const createAuditChains = (options: AuditChainsOptions): AuditChains => {
  const { writerId, hash, maxAwake = MAX_AWAKE } = options;
  /** Those used last stand at the end. */
  const chains = new Map<string | null, Chain>();
  /**
   * Chains with nothing under way, by grant: number and head of the last entry. A chain must go on where it ended as long
   * as its writer lives, and there may be a hundred thousand grants: this is a seventh of what a chain takes.
   */
  const resting = new Map<string | null, string>();
  const gapped = new Set<Chain>();
  const unsigned = new Set<Chain>();
  let keptLeaves = 0;
  let lastAt = 0;
  let entries = 0;

  // Ids of one writer stand side by side in the index; version 8 of RFC 9562, the tail counts.
  const idPrefix = `${writerId.slice(0, 14)}8${writerId.slice(15, 24)}`;
  const nextId = (): string => `${idPrefix}${(entries += 1).toString(16).padStart(12, '0')}`;

  const endOf = (rest: string | undefined) => {
    if (rest === undefined) return null;
    const [seq = '', head = ''] = rest.split(';');
    return { seq: Number(seq), head };
  };

  const isAtRest = (chain: Chain): boolean =>
    chain.durable.seq === chain.seq &&
    chain.ahead.length === 0 &&
    chain.gaps.length === 0 &&
    !unsigned.has(chain);

  const makeRoom = (): void => {
    let looked = 0;
    for (const [grantId, chain] of chains) {
      if (chains.size < maxAwake || looked === LOOK_AT) return;
      looked += 1;
      chains.delete(grantId);
      if (isAtRest(chain)) resting.set(grantId, `${chain.seq};${chain.durable.head}`);
      else chains.set(grantId, chain);
    }
  };

  const chainOf = (grantId: string | null): Chain => {
    const known = chains.get(grantId);
    if (known !== undefined) return known;
    const end = endOf(resting.get(grantId));
    resting.delete(grantId);
    const made: Chain = {
      grantId,
      seq: end?.seq ?? 0,
      head: end === null ? firstHead() : fromHex(end.head),
      durable: end ?? { seq: 0, head: '' },
      ahead: [],
      gaps: [],
      checkpoint: null,
    };
    makeRoom();
    chains.set(grantId, made);
    return made;
  };

  /** The chain of the next entry. */
  const usedChainOf = (grantId: string | null): Chain => {
    const chain = chainOf(grantId);
    if (chains.size < maxAwake) return chain;
    chains.delete(grantId);
    chains.set(grantId, chain);
    return chain;
  };

  const settle = (chain: Chain, from: number, to: number, head: string): void => {
    const { durable } = chain;
    if (to <= durable.seq) return;
    if (from > durable.seq + 1) {
      const before = chain.ahead.find((range) => range.to + 1 === from);
      if (before === undefined) chain.ahead.push({ from, to, head });
      else Object.assign(before, { to, head });
      return;
    }
    durable.seq = to;
    durable.head = head;
    while (chain.ahead.length > 0) {
      const next = chain.ahead.find((range) => range.from === durable.seq + 1);
      if (next === undefined) break;
      durable.seq = next.to;
      durable.head = next.head;
      chain.ahead = chain.ahead.filter((range) => range !== next);
    }
    if (chain.grantId !== null) unsigned.add(chain);
  };

  const keepLeaf = (leaf: Uint8Array): Uint8Array[] | null => {
    if (keptLeaves >= MAX_LEAVES) return null;
    keptLeaves += 1;
    return [leaf];
  };

  return {
    writerId,

    link: (draft) => {
      const chain = usedChainOf(draft.grantId);
      lastAt = Math.max(lastAt, draft.at.getTime());
      chain.seq += 1;
      const { seq } = chain;
      const at = lastAt === draft.at.getTime() ? draft.at : new Date(lastAt);
      const entry = { ...draft, at, id: nextId(), writerId, seq, head: '' };
      const leaf = leafOf(hash, entry);
      chain.head = nextHead(hash, chain.head, leaf);
      entry.head = toHex(chain.head);
      return { entry, leaf };
    },

    written: (linked) => {
      for (const { entry } of linked) settle(chainOf(entry.grantId), entry.seq, entry.seq, entry.head);
    },

    dropped: ({ entry: { grantId, seq, head }, leaf }) => {
      const chain = chainOf(grantId);
      gapped.add(chain);
      const last = chain.gaps.at(-1);
      const joins = last !== undefined && (last.to + 1 === seq || last.from - 1 === seq);
      const kept = joins && last.leaves === null ? null : keepLeaf(leaf);
      // A gap has all its leaves or none.
      if (!joins || (kept === null) !== (last.leaves === null)) {
        chain.gaps.push({ from: seq, to: seq, head, leaves: kept });
      } else if (last.to + 1 === seq) {
        last.to = seq;
        last.head = head;
        if (kept !== null) last.leaves?.push(leaf);
      } else {
        last.from = seq;
        if (kept !== null) last.leaves?.unshift(leaf);
      }
    },

    takeGaps: (limit) => {
      const taken: ChainGap[] = [];
      for (const chain of gapped) {
        while (chain.gaps.length > 0 && taken.length < limit) {
          const gap = chain.gaps.shift();
          if (gap === undefined) break;
          keptLeaves -= gap.leaves?.length ?? 0;
          taken.push({
            writerId,
            grantId: chain.grantId,
            fromSeq: gap.from,
            toSeq: gap.to,
            leaves: gap.leaves === null ? null : gap.leaves.map(toHex).join(''),
            head: gap.head,
          });
        }
        if (chain.gaps.length === 0) gapped.delete(chain);
        if (taken.length >= limit) break;
      }
      return taken;
    },

    gapsWritten: (gaps) => {
      for (const { grantId, fromSeq, toSeq, head } of gaps) settle(chainOf(grantId), fromSeq, toSeq, head);
    },

    returnGaps: (gaps) => {
      for (const { grantId, fromSeq, toSeq, head, leaves } of gaps) {
        const chain = chainOf(grantId);
        gapped.add(chain);
        keptLeaves += leaves === null ? 0 : leaves.length / LEAF_LENGTH;
        chain.gaps.unshift({
          from: fromSeq,
          to: toSeq,
          head,
          leaves: leaves === null ? null : leavesOf(leaves),
        });
      }
    },

    get hasGaps() {
      return gapped.size > 0;
    },

    place: ({ entry: { grantId, seq, head } }) =>
      writePlace({ writerId, seq, head, durableSeq: chainOf(grantId).durable.seq }),

    durable: (grantId) => {
      const end = chains.get(grantId)?.durable ?? endOf(resting.get(grantId));
      return end === null || end.seq === 0 ? null : { writerId, ...end };
    },

    chained: () => [...chains.keys(), ...resting.keys()],

    checkpointOf: (grantId) => chains.get(grantId)?.checkpoint ?? null,

    takeUnsigned: (limit) => {
      const taken: [string, Covered][] = [];
      for (const chain of unsigned) {
        if (taken.length >= limit) break;
        unsigned.delete(chain);
        if (chain.grantId !== null) taken.push([chain.grantId, { writerId, ...chain.durable }]);
      }
      return taken;
    },

    setCheckpoint: (grantId, checkpoint) => {
      const chain = chains.get(grantId);
      if (chain !== undefined) chain.checkpoint = checkpoint;
    },
  };
};
