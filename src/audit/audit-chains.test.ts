import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditDraft, Linked } from '../../domain/audit/chain.ts';
import { createAuditChains } from './audit-chains.ts';
import { sha256 } from '../kernel/mac.ts';

const WRITER = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';
const draft = (grantId: string | null, second: number): AuditDraft => ({
  at: new Date(Date.UTC(2027, 0, 1) + second * 1_000),
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
  bytesOut: second,
  latencyMs: 1,
  traceId: null,
});

type Step =
  | { readonly kind: 'link'; readonly grant: number }
  | { readonly kind: 'write' | 'drop'; readonly count: number }
  | { readonly kind: 'gaps' | 'failed gaps' | 'sign' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('link' as const), grant: fc.integer({ min: 0, max: 9 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('drop' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step>({ kind: 'gaps' }, { kind: 'failed gaps' }, { kind: 'sign' }),
  },
);

/** All that can be seen of chains while these things happen to them; checkpoints apart. */
const told = (steps: readonly Step[], maxAwake: number): readonly unknown[] => {
  const chains = createAuditChains({ writerId: WRITER, hash: sha256, maxAwake });
  const pending: Linked[] = [];
  const heard: unknown[] = [];
  for (const [second, one] of steps.entries()) {
    if (one.kind === 'link') {
      // One of them is the chain without a grant.
      const linked = chains.link(draft(one.grant === 0 ? null : `grant-${one.grant}`, second));
      pending.push(linked);
      heard.push(linked.entry, chains.place(linked));
    } else if (one.kind === 'write') chains.written(pending.splice(0, one.count));
    else if (one.kind === 'drop') for (const linked of pending.splice(0, one.count)) chains.dropped(linked);
    else if (one.kind === 'sign') heard.push(chains.takeUnsigned(3));
    else {
      const gaps = chains.takeGaps(2);
      heard.push(gaps);
      if (one.kind === 'gaps') chains.gapsWritten(gaps);
      else chains.returnGaps(gaps);
    }
    for (const grant of [null, 'grant-1', 'grant-5', 'grant-9', 'never']) heard.push(chains.durable(grant));
    heard.push(new Set(chains.chained()));
  }
  return heard;
};

describe('chains of more grants than are kept ready', () => {
  it('are the same chains, whatever is put to rest between two entries', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        expect(told(steps, 2)).toEqual(told(steps, 1_000));
      }),
      { numRuns: 300 },
    );
  });

  it('rest once nothing of them is under way, and are given a checkpoint anew', () => {
    const chains = createAuditChains({ writerId: WRITER, hash: sha256, maxAwake: 2 });
    const write = (grantId: string, isSigned = true): void => {
      chains.written([chains.link(draft(grantId, 1))]);
      if (isSigned) for (const [id] of chains.takeUnsigned(10)) chains.setCheckpoint(id, `of ${id}`);
    };
    write('one');
    write('two');
    expect(chains.checkpointOf('one')).toBe('of one');
    write('three');
    expect([chains.checkpointOf('one'), chains.checkpointOf('two')]).toEqual([null, 'of two']);
    expect(chains.durable('one')).toMatchObject({ seq: 1 });
    // The one used last stays, and one whose checkpoint is due.
    write('two', false);
    write('four', false);
    expect(chains.takeUnsigned(10).map(([id]) => id)).toEqual(['two', 'four']);
    expect(chains.checkpointOf('two')).toBe('of two');
    expect(chains.link(draft('one', 2)).entry).toMatchObject({ seq: 2 });
  });
});
