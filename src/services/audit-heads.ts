import { firstHead, fromHex, leafOf, nextHead, toHex } from '../../domain/audit/chain.ts';
import type { Deps } from '../deps.ts';
import { settleAudit } from './audit.ts';
import { sha256 } from './mac.ts';

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
/** Entries that are computed anew before a place: a bound on what one request of a peer can cost. */
const WINDOW = 100;

const servedPlace = async (
  { storage }: Pick<Deps, 'storage'>,
  grantId: string,
  { writerId, seq }: AskedPlace,
): Promise<ServedPlace> => {
  const { auditChain } = storage.stores;
  const hasLostTail = (await auditChain.lostTailsOf([writerId])).length > 0;
  const entries = await auditChain.stretch(grantId, writerId, Math.max(1, seq - WINDOW), seq);
  const last = entries.at(-1);
  if (last?.seq !== seq) {
    const gaps = await auditChain.gapsOf(grantId);
    const gap = gaps.find((one) => one.writerId === writerId && one.fromSeq <= seq && seq <= one.toSeq);
    const head = gap?.toSeq === seq ? gap.head : null;
    const state = gap === undefined ? 'missing' : 'dropped';
    return { writerId, seq, state, head, isConsistent: null, hasLostTail };
  }
  let isConsistent = true;
  let before = entries[0]?.seq === 1 ? { seq: 0, head: firstHead() } : null;
  for (const entry of entries) {
    // A gap lies between: what leads from one to the other is the serving side's own verification.
    if (before !== null && before.seq + 1 === entry.seq)
      isConsistent &&= toHex(nextHead(sha256, before.head, leafOf(sha256, entry))) === entry.head;
    before = { seq: entry.seq, head: fromHex(entry.head) };
  }
  return { writerId, seq, state: 'entry', head: last.head, isConsistent, hasLostTail };
};

/** What the log of one grant says now about places that its peer remembers, with the key that checkpoints are signed under. */
export const servePlaces = async (
  deps: Deps,
  grantId: string,
  asked: readonly AskedPlace[],
): Promise<{ readonly key: string; readonly places: readonly ServedPlace[] }> => {
  await settleAudit(deps);
  const places: ServedPlace[] = [];
  for (const place of asked.slice(0, MAX_PLACES)) places.push(await servedPlace(deps, grantId, place));
  return { key: deps.keys.auditSigner.publicKey, places };
};
