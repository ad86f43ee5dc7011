import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { growTree, readCheckpoint, readPlace, rootOf, writeCheckpoint, writePlace } from './checkpoint.ts';

const writerId = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';
const chains = (count: number) =>
  Array.from(
    { length: count },
    (_, index) => [`grant-${index}`, { writerId, seq: index + 1, head: 'a'.repeat(64) }] as const,
  );
const checkpointOf = (covered: { seq: number; head: string }, path: readonly string[]) => ({
  writerId,
  ...covered,
  at: new Date(1_800_000_000_000),
  path,
  signature: 'f'.repeat(128),
});

describe('checkpoints', () => {
  it('each chain’s path leads to the one root, and no other grant’s, entry or head does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(69), (count, pick) => {
        const all = chains(count);
        const { root, paths } = growTree(sha256, all);
        const index = pick % count;
        const [grantId, covered] = all[index] ?? ['', { seq: 0, head: '' }];
        const path = paths[index] ?? [];
        const good = checkpointOf(covered, path);
        expect(rootOf(sha256, grantId, good)).toEqual(root);
        expect(rootOf(sha256, `${grantId}x`, good)).not.toEqual(root);
        expect(rootOf(sha256, grantId, { ...good, seq: good.seq + 1 })).not.toEqual(root);
        expect(rootOf(sha256, grantId, { ...good, head: 'b'.repeat(64) })).not.toEqual(root);
        expect(readCheckpoint(writeCheckpoint(good))).toEqual(good);
      }),
    );
  });

  it('reads nothing but what is written so', () => {
    const good = writeCheckpoint(checkpointOf({ seq: 3, head: 'a'.repeat(64) }, [`l${'c'.repeat(64)}`]));
    expect(readCheckpoint(good)).not.toBeNull();
    for (const bad of [
      '',
      `${good} `,
      good.replace('1;', '2;'),
      good.replace(';3;', ';03;'),
      good.replace(';3;', ';-3;'),
      good.replace(';3;', `;${'9'.repeat(16)};`),
      good.replace(';l', ';x'),
      good.replace(';l', ';,l'),
      good.toUpperCase(),
      `${good}${'a'.repeat(2_000)}`,
    ])
      expect(readCheckpoint(bad)).toBeNull();
    const place = { writerId, seq: 4, head: 'a'.repeat(64), durableSeq: 0 };
    expect(readPlace(writePlace(place))).toEqual(place);
    expect(readPlace(`${writePlace(place)};`)).toBeNull();
    expect(readPlace('1;x;1;y;0')).toBeNull();
  });
});
