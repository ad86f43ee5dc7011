import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { firstHead, leafOf, nextHead, toHex, type ChainGap } from './chain.ts';
import type { AuditEntry } from './entry.ts';
import { followChain, isTampering, type FollowedChain } from './verify.ts';

const writerId = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';
const grantId = '0198c1de-0000-7000-8000-000000000001';

type Chained = AuditEntry & { readonly seq: number; readonly head: string };

const chain = (count: number): readonly Chained[] => {
  let head = firstHead();
  return Array.from({ length: count }, (_, index) => {
    const draft: Omit<AuditEntry, 'head'> = {
      id: `${writerId.slice(0, 24)}${String(index).padStart(12, '0')}`,
      at: new Date(1_800_000_000_000 + index),
      grantId,
      peerId: null,
      subjectUserId: null,
      actorUserId: null,
      verb: 'list',
      resource: 'tasks',
      action: null,
      queryHash: null,
      outcome: 'allowed',
      reasonCode: null,
      status: 200,
      bytesOut: index,
      latencyMs: 1,
      traceId: null,
      writerId,
      seq: index + 1,
    };
    head = nextHead(sha256, head, leafOf(sha256, draft));
    return { ...draft, seq: index + 1, head: toHex(head) };
  });
};

const entries = chain(8);
const anchorAt = (seq: number) => ({ seq, head: entries[seq - 1]?.head ?? '' });
const gapOf = (from: number, to: number): ChainGap => ({
  writerId,
  grantId,
  fromSeq: from,
  toSeq: to,
  leaves: entries
    .slice(from - 1, to)
    .map((entry) => toHex(leafOf(sha256, entry)))
    .join(''),
  head: anchorAt(to).head,
});

const follow = (there: readonly Chained[], more: Partial<FollowedChain> = {}) => {
  const follower = followChain(sha256, {
    grantId,
    writerId,
    gaps: [],
    anchors: [anchorAt(5)],
    hasLostTail: false,
    ...more,
  });
  for (const entry of there) follower.entry(entry);
  follower.end();
  return follower;
};
const found = (...args: Parameters<typeof follow>) =>
  follow(...args).findings.map(({ kind, fromSeq, toSeq }) => [kind, fromSeq, toSeq]);

describe('the end of a chain', () => {
  it('is whole up to what was signed, and what comes after is confirmed by nobody', () => {
    const follower = follow(entries);
    expect([follower.findings, follower.wholeTo, follower.confirmedTo]).toEqual([[], 8, 5]);
  });

  it('that is gone before what was signed was removed, also when the writer is said to have crashed', () => {
    for (const hasLostTail of [false, true]) {
      expect(found(entries.slice(0, 3), { hasLostTail })).toEqual([['removed', 4, 5]]);
      expect(found([], { hasLostTail })).toEqual([['removed', 1, 5]]);
      expect(follow([], { hasLostTail }).findings.every(isTampering)).toBe(true);
    }
  });

  it('that nothing signed covers may be lost with a writer that crashed, and was removed with one that did not', () => {
    const gaps = [gapOf(7, 8)];
    expect(found(entries.slice(0, 5), { gaps, hasLostTail: true })).toEqual([['lost_tail', 6, 8]]);
    expect(found(entries.slice(0, 5), { gaps })).toEqual([['removed', 6, 8]]);
    expect(found(entries.slice(0, 4), { gaps, hasLostTail: true })).toEqual([['removed', 5, 8]]);
  });

  it('that was dropped is accounted for by its gap alone', () => {
    expect(found(entries.slice(0, 6), { gaps: [gapOf(7, 8)] })).toEqual([['dropped', 7, 8]]);
    const anchors = [anchorAt(8)];
    expect(found(entries.slice(0, 6), { gaps: [gapOf(7, 8)], anchors })).toEqual([['dropped', 7, 8]]);
  });
});
