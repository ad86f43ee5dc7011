import { firstHead, fromHex, leafOf, nextHead, toHex } from '../../domain/audit/chain.ts';
import type { ChainedEntry } from '../../domain/ports/audit.ts';
import type { Deps } from '../app/deps.ts';
import { settleAudit } from './audit.ts';
import { sha256 } from '../kernel/mac.ts';

/** A place the asking gateway remembers. */
export interface AskedPlace {
  readonly writerId: string;
  readonly seq: number;
}

/** What this gateway says of it now. */
export interface ServedPlace extends AskedPlace {
  /** `entry`: it is there. `dropped`: a gap accounts for it. `missing`: it is not there, and nothing says why. */
  readonly state: 'entry' | 'dropped' | 'missing';
  readonly head: string | null;
  /** Whether the entries before it, as far as they were looked at, lead to its head; null for what is no entry. */
  readonly isConsistent: boolean | null;
  /** Its writer ended without a word. */
  readonly hasLostTail: boolean;
}

/** Places asked about at once. */
export const MAX_PLACES = 64;
/** Entries that are computed anew before a place, and before all places of a request: bounds on what it can cost. */
const WINDOW = 100;
const ENTRIES = 1_024;

const keyOf = ({ writerId, seq }: AskedPlace): string => `${writerId}.${seq}`;

/** Whether entries that follow each other lead to each other's heads. @param entries of one chain, in order */
const isConsistent = (entries: readonly ChainedEntry[]): boolean => {
  let before = entries[0]?.seq === 1 ? { seq: 0, head: firstHead() } : null;
  for (const entry of entries) {
    // A gap lies between: what leads from one to the other is the serving side's own verification.
    if (before !== null && before.seq + 1 === entry.seq) {
      const head = toHex(nextHead(sha256, before.head, leafOf(sha256, entry)));
      if (head !== entry.head) return false;
    }
    before = { seq: entry.seq, head: fromHex(entry.head) };
  }
  return true;
};

/**
 * What the log of one grant says now about places that its peer remembers, with the key that checkpoints are signed under. Each
 * place is looked up once, and all of them by the same three statements (FAULTS F-8).
 *
 * @returns one for each that was asked about, in that order
 */
export const servePlaces = async (
  deps: Deps,
  grantId: string,
  asked: readonly AskedPlace[],
): Promise<{ readonly key: string; readonly places: readonly ServedPlace[] }> => {
  await settleAudit(deps);
  const { auditChain } = deps.storage.stores;
  const distinct = [...new Map(asked.slice(0, MAX_PLACES).map((place) => [keyOf(place), place])).values()];
  const window = Math.min(WINDOW, Math.floor(ENTRIES / Math.max(1, distinct.length)));
  const startOf = (seq: number): number => Math.max(1, seq - window);
  const [entries, lost] = await Promise.all([
    auditChain.stretches(
      grantId,
      distinct.map(({ writerId, seq }) => ({ writerId, from: startOf(seq), to: seq })),
    ),
    auditChain.lostTailsOf([...new Set(distinct.map(({ writerId }) => writerId))]),
  ]);
  const present = new Set(entries.map(keyOf));
  const gaps = await auditChain.gapsAround(
    grantId,
    distinct.filter((place) => !present.has(keyOf(place))),
  );

  const serve = ({ writerId, seq }: AskedPlace): ServedPlace => {
    const hasLostTail = lost.some((tail) => tail.writerId === writerId);
    const before = entries.filter(
      (entry) => entry.writerId === writerId && entry.seq >= startOf(seq) && entry.seq <= seq,
    );
    const last = before.at(-1);
    if (last?.seq === seq)
      return {
        writerId,
        seq,
        state: 'entry',
        head: last.head,
        isConsistent: isConsistent(before),
        hasLostTail,
      };
    const gap = gaps.find((one) => one.writerId === writerId && one.fromSeq <= seq && seq <= one.toSeq);
    const head = gap?.toSeq === seq ? gap.head : null;
    const state = gap === undefined ? 'missing' : 'dropped';
    return { writerId, seq, state, head, isConsistent: null, hasLostTail };
  };

  const served = new Map(distinct.map((place) => [keyOf(place), serve(place)]));
  return {
    key: deps.keys.auditSigner.publicKey,
    places: asked.flatMap((place) => served.get(keyOf(place)) ?? []),
  };
};
