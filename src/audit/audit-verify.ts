import { gapText, lostTailText, type ChainGap } from '../../domain/audit/chain.ts';
import { isTampering, type Finding } from '../../domain/audit/verify.ts';
import type { AuditRange, ChainedEntry, SeenCheckpoint, SignedGap } from '../../domain/ports/audit.ts';
import type { Deps } from '../app/deps.ts';
import { followGrant, type FollowedGrant, type GrantResult } from './audit-follow.ts';
import { createShowings, type Showings } from './audit-showings.ts';
import { settleAudit } from './audit.ts';

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
  /** The last grant of this part; null when there are no more. */
  readonly next: string | null;
}

export interface VerifyOptions {
  /** The chains of this grant alone. */
  readonly grantId?: string | undefined;
  /** All chains of grants after this one, in the order of their ids; those without a grant come first of all. */
  readonly after?: string | undefined;
  /** No further grants are begun once so much time has passed, milliseconds. */
  readonly budgetMs?: number;
}

/** Entries in memory at once. */
const PAGE = 1_000;
/** Grants that are looked at together. */
const GRANTS = 200;
/** So that an answer stays well within what a client and what stands between wait for. */
const BUDGET_MS = 5_000;
const MAX_FINDINGS = 200;

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

type LostWriters = (writerIds: ReadonlySet<string>) => Promise<ReadonlySet<string>>;

/** Which writers ended without a word; each is asked for once. */
const createLost = ({ storage, keys }: VerifyDeps): LostWriters => {
  const asked = new Set<string>();
  const lost = new Set<string>();
  return async (writerIds) => {
    const unknown = [...writerIds].filter((id) => !asked.has(id));
    for (const { writerId, at, signature } of await storage.stores.auditChain.lostTailsOf(unknown))
      if (await keys.auditSigner.verify(lostTailText(writerId, at), signature)) lost.add(writerId);
    for (const id of unknown) asked.add(id);
    return lost;
  };
};

type Durable = ReturnType<VerifyDeps['audit']['durable']>;

interface Known {
  readonly own: Durable;
  readonly seen: readonly SeenCheckpoint[];
  readonly gaps: readonly SignedGap[];
}

const follow = async (
  deps: VerifyDeps,
  showings: Showings,
  lostOf: LostWriters,
  grantId: string | null,
  { own, seen, gaps }: Known,
): Promise<FollowedGrant> => {
  const { good, forged } = await checkGaps(deps, gaps);
  const checked = await showings.check(grantId, seen);
  const anchors = own === null ? checked.anchors : [...checked.anchors, own];
  const writers = new Set([...anchors, ...good].map(({ writerId }) => writerId));
  return followGrant({
    grantId,
    gaps: good,
    anchors,
    lost: await lostOf(writers),
    forged: [...checked.forged, ...forged],
  });
};

/** All chains of one grant, its entries page by page. */
const verifyGrant = async (
  deps: VerifyDeps,
  showings: Showings,
  grantId: string | null,
): Promise<GrantResult> => {
  const { auditChain } = deps.storage.stores;
  // Before the entries are read: what was promised then must be among them.
  const own = deps.audit.durable(grantId);
  const seen = grantId === null ? [] : await auditChain.seenOf(grantId);
  const gaps = await auditChain.gapsOf(grantId);
  const grant = await follow(deps, showings, createLost(deps), grantId, { own, seen, gaps });
  for (let after: ChainedEntry | null = null, isMore = true; isMore;) {
    const page: readonly ChainedEntry[] = await auditChain.walk(grantId, after, PAGE);
    for (const entry of page) grant.entry(entry);
    after = page.at(-1) ?? null;
    isMore = page.length === PAGE;
  }
  return grant.end();
};

const isWithin = (id: string, { after, to }: AuditRange): boolean =>
  (after === null || id > after) && (to === null || id <= to);

/** Many grants by few statements: most of a hundred thousand have next to no entries. */
const verifyGrants = async (
  deps: VerifyDeps,
  showings: Showings,
  ids: ReadonlySet<string>,
  range: AuditRange,
): Promise<readonly GrantResult[]> => {
  const { auditChain } = deps.storage.stores;
  const own = new Map(Array.from(ids, (id) => [id, deps.audit.durable(id)]));
  const seen = Map.groupBy(await auditChain.seenBetween(range), ({ grantId }) => grantId);
  const gapped = new Set(await auditChain.gappedBetween(range));
  const lostOf = createLost(deps);
  const open = async (id: string): Promise<FollowedGrant> =>
    follow(deps, showings, lostOf, id, {
      own: own.get(id) ?? null,
      seen: seen.get(id) ?? [],
      gaps: gapped.has(id) ? await auditChain.gapsOf(id) : [],
    });
  const results: GrantResult[] = [];
  const waiting = new Set(ids);
  let current = null as { readonly id: string; readonly grant: FollowedGrant } | null;
  for (let isMore = true, below: string | null = null; isMore;) {
    const page: readonly ChainedEntry[] = await auditChain.walkBetween(range, below, PAGE);
    isMore = page.length === PAGE;
    for (const entry of page) {
      const id = entry.grantId ?? '';
      if (current?.id !== id) {
        if (current !== null) results.push(current.grant.end());
        // One that does not wait is told of by nothing but its entries: the grant's row was deleted.
        waiting.delete(id);
        current = { id, grant: await open(id) };
      }
      current.grant.entry(entry);
    }
    const last = page.at(-1);
    if (!isMore || last === undefined || current === null) continue;
    below = current.id;
    // Its other entries; the next page begins with the next grant.
    for (let after: ChainedEntry | null = last; after !== null;) {
      const rest: readonly ChainedEntry[] = await auditChain.walk(below, after, PAGE);
      for (const entry of rest) current.grant.entry(entry);
      after = rest.length === PAGE ? (rest.at(-1) ?? null) : null;
    }
  }
  if (current !== null) results.push(current.grant.end());
  for (const id of waiting) results.push((await open(id)).end());
  return results;
};

/**
 * Computes the chains anew from what the database holds and compares them with what was signed. It sees what was changed
 * or removed up to the last checkpoint that a peer has shown, and of this replica's own chains up to now. Whoever changes
 * entries and all that follows them and the checkpoints too is found by the peer (`reconcilePeer`).
 *
 * All grants are done in parts: whoever asks goes on after `next`.
 */
export const verifyAudit = async (deps: VerifyDeps, options: VerifyOptions = {}): Promise<Verification> => {
  const { grantId, budgetMs = BUDGET_MS } = options;
  const showings = createShowings(deps.keys.auditSigner);
  const until = performance.now() + budgetMs;
  const findings: Finding[] = [];
  const sums = { chains: 0, entries: 0, unconfirmed: 0 };
  let isTampered = false;
  const add = (result: GrantResult): void => {
    sums.chains += result.chains;
    sums.entries += result.entries;
    sums.unconfirmed += result.unconfirmed;
    isTampered ||= result.findings.some(isTampering);
    findings.push(...result.findings.slice(0, MAX_FINDINGS - findings.length));
  };
  await settleAudit(deps);
  let next = options.after ?? null;
  if (grantId !== undefined) add(await verifyGrant(deps, showings, grantId));
  else {
    // Also what this replica knows of and the database does not any more.
    const ours = [...deps.audit.chained()].flatMap((id) => id ?? []);
    if (next === null) add(await verifyGrant(deps, showings, null));
    do {
      const ids = await deps.storage.stores.auditChain.chainedGrants(next, GRANTS);
      const to: string | null = ids.length < GRANTS ? null : (ids.at(-1) ?? null);
      const range = { after: next, to };
      const known = new Set([...ids, ...ours.filter((id) => isWithin(id, range))]);
      for (const result of await verifyGrants(deps, showings, known, range)) add(result);
      next = to;
    } while (next !== null && performance.now() < until);
  }
  const verdict = isTampered ? 'tampered' : findings.length > 0 ? 'incomplete' : 'intact';
  return { verdict, ...sums, findings, next };
};
