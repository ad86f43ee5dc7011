import { gapText, lostTailText, type ChainGap } from '../../domain/audit/chain.ts';
import { readCheckpoint, rootOf, signedText } from '../../domain/audit/checkpoint.ts';
import {
  followChain,
  isTampering,
  type Anchor,
  type Finding,
  type Follower,
} from '../../domain/audit/verify.ts';
import type { SeenCheckpoint, SignedGap, WalkPosition } from '../../domain/ports/audit.ts';
import type { Deps } from '../deps.ts';
import { settleAudit } from './audit.ts';
import { sha256 } from './mac.ts';

type VerifyDeps = Pick<Deps, 'storage' | 'keys' | 'audit'>;

export interface Verification {
  /** `tampered`: somebody changed the log. `incomplete`: only what the gateway itself dropped, or may have lost. */
  readonly verdict: 'intact' | 'incomplete' | 'tampered';
  readonly chains: number;
  readonly entries: number;
  /** Entries whose chains no peer and no running writer has confirmed that far: nobody else could tell their removal. */
  readonly unconfirmed: number;
  /** The first of each chain, at most `MAX_FINDINGS`. */
  readonly findings: readonly Finding[];
}

const PAGE = 1_000;
export const MAX_FINDINGS = 200;

/** What of the gaps is really ours. */
const checkGaps = async ({ keys }: VerifyDeps, gaps: readonly SignedGap[]) => {
  const good: ChainGap[] = [];
  const forged: Finding[] = [];
  for (const gap of gaps) {
    const { grantId, writerId, fromSeq, toSeq } = gap;
    if (await keys.auditSigner.verify(gapText(gap), gap.signature)) good.push(gap);
    else forged.push({ kind: 'forged', grantId, writerId, fromSeq, toSeq, entryId: null });
  }
  return { good, forged };
};

/** Only what we signed is an anchor: a row that was made up would make good entries look bad. */
const isOurs = async ({ keys }: VerifyDeps, { grantId, seq, head, checkpoint: text }: SeenCheckpoint) => {
  const checkpoint = readCheckpoint(text);
  if (checkpoint === null || checkpoint.seq !== seq || checkpoint.head !== head) return false;
  const signed = signedText(checkpoint.writerId, checkpoint.at, rootOf(sha256, grantId, checkpoint));
  return keys.auditSigner.verify(signed, checkpoint.signature);
};

const lostTails = async (deps: VerifyDeps, writerIds: readonly string[]): Promise<ReadonlySet<string>> => {
  const found = new Set<string>();
  for (const { writerId, at, signature } of await deps.storage.stores.auditChain.lostTailsOf(writerIds))
    if (await deps.keys.auditSigner.verify(lostTailText(writerId, at), signature)) found.add(writerId);
  return found;
};

const verifyGrant = async (deps: VerifyDeps, grantId: string | null) => {
  const { auditChain } = deps.storage.stores;
  // Before the entries are read: what was promised then must be among them.
  const own = deps.audit.durable(grantId);
  const seen = grantId === null ? [] : await auditChain.seenOf(grantId);
  const { good, forged } = await checkGaps(deps, await auditChain.gapsOf(grantId));
  const anchors = new Map<string, Anchor[]>();
  const anchor = (writerId: string, at: Anchor): void =>
    void anchors.set(writerId, [...(anchors.get(writerId) ?? []), at]);
  for (const checkpoint of seen) {
    const { writerId, seq } = checkpoint;
    if (await isOurs(deps, checkpoint)) anchor(writerId, checkpoint);
    else forged.push({ kind: 'forged', grantId, writerId, fromSeq: seq, toSeq: seq, entryId: null });
  }
  if (own !== null) anchor(own.writerId, own);
  const followers = new Map<string, Follower>();
  const lost = await lostTails(deps, [...anchors.keys(), ...good.map(({ writerId }) => writerId)]);
  const followerOf = (writerId: string): Follower => {
    const known = followers.get(writerId);
    if (known !== undefined) return known;
    const made = followChain(sha256, {
      grantId,
      writerId,
      gaps: good.filter((gap) => gap.writerId === writerId),
      anchors: anchors.get(writerId) ?? [],
      hasLostTail: lost.has(writerId),
    });
    followers.set(writerId, made);
    return made;
  };
  for (const writerId of [...anchors.keys(), ...good.map((gap) => gap.writerId)]) followerOf(writerId);
  let entries = 0;
  let after: WalkPosition | null = null;
  for (;;) {
    const page = await auditChain.walk(grantId, after, PAGE);
    for (const entry of page) followerOf(entry.writerId).entry(entry);
    entries += page.length;
    after = page.at(-1) ?? null;
    if (page.length < PAGE) break;
  }
  const all = [...followers.values()];
  for (const follower of all) follower.end();
  return {
    chains: all.length,
    entries,
    unconfirmed: all.reduce((sum, { wholeTo, confirmedTo }) => sum + wholeTo - confirmedTo, 0),
    findings: [...forged, ...all.flatMap(({ findings }) => findings)],
  };
};

/**
 * Computes the chains anew from what the database holds and compares them with what was signed. It sees what was changed
 * or removed up to the last checkpoint that a peer has shown, and of this replica's own chains up to now. Whoever changes
 * entries and all that follows them and the checkpoints too is found by the peer (`reconcilePeer`).
 *
 * @param grantId all chains when undefined
 */
export const verifyAudit = async (deps: VerifyDeps, grantId: string | undefined): Promise<Verification> => {
  await settleAudit(deps);
  const { auditChain } = deps.storage.stores;
  const grants =
    grantId === undefined
      ? // Also what this replica knows of and the database does not any more.
        new Set([...(await auditChain.chainedGrants()), ...deps.audit.chained()])
      : [grantId];
  const findings: Finding[] = [];
  const sums = { chains: 0, entries: 0, unconfirmed: 0 };
  let isTampered = false;
  for (const grant of grants) {
    const result = await verifyGrant(deps, grant);
    sums.chains += result.chains;
    sums.entries += result.entries;
    sums.unconfirmed += result.unconfirmed;
    isTampered ||= result.findings.some(isTampering);
    findings.push(...result.findings.slice(0, MAX_FINDINGS - findings.length));
  }
  const verdict = isTampered ? 'tampered' : findings.length > 0 ? 'incomplete' : 'intact';
  return { verdict, ...sums, findings };
};
