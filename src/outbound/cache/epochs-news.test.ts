import { describe, expect, it } from 'vitest';
import { createPeerEpochs } from './epochs.ts';

const ROW = { id: 'p', cacheEpoch: 0, remoteGrantVersion: 3 as number | null };

/** A database that answers when it is told to. */
const world = () => {
  const asked: string[] = [];
  const waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  const answered = <T>(what: string, value: T): Promise<T> => {
    asked.push(what);
    return new Promise<T>((resolve, reject) => void waiting.push({ resolve: () => resolve(value), reject }));
  };
  const warned: (readonly [string, unknown])[] = [];
  const log = {
    debug: () => {},
    info: () => {},
    warn: (message: string, fields?: unknown) => void warned.push([message, fields]),
    error: () => {},
  };
  const epochs = createPeerEpochs(
    {
      raiseCacheEpoch: (id) => answered(`raise ${id}`, 1),
      recordGrantVersion: (id, version) => answered(`version ${id} ${version}`, undefined),
    },
    log,
  );
  const written = async (): Promise<void> => {
    for (const { resolve } of waiting.splice(0)) resolve();
    await epochs.settled();
  };
  const failed = async (error: unknown): Promise<void> => {
    for (const { reject } of waiting.splice(0)) reject(error);
    await epochs.settled();
  };
  return { epochs, asked, warned, written, failed };
};

describe('MUTANTS epochs what was learned before and after a question began', () => {
  it('a question that began before an invalidation is late, one after it is not, nor one that is asked again', () => {
    const { epochs } = world();
    const before = epochs.mark(ROW);
    expect(epochs.isLate(before)).toBe(false);
    void epochs.invalidate('p');
    expect(epochs.isLate(before)).toBe(true);
    expect(epochs.isLate(epochs.again(before))).toBe(false);
    expect(epochs.isLate(epochs.mark(ROW))).toBe(false);
  });

  it('a question that began before another replica’s news is late, and the one that brought them is not', () => {
    const { epochs } = world();
    const before = epochs.mark(ROW);
    const bringing = epochs.mark({ ...ROW, cacheEpoch: 1 });
    expect([epochs.isLate(before), epochs.isLate(bringing)]).toEqual([true, false]);
    expect([epochs.isCurrent(before), epochs.isCurrent(bringing)]).toEqual([false, true]);
  });

  it('every question to a revoked peer is late, and nothing is known of a peer that no question was to', () => {
    const { epochs } = world();
    const other = { peerId: 'nobody', epoch: 0, at: 1 };
    expect([epochs.isCurrent(other), epochs.isLate(other), epochs.isRevoked('nobody')]).toEqual([
      false,
      true,
      false,
    ]);
    epochs.admitted('nobody');
    const mark = epochs.mark(ROW);
    expect(epochs.isRevoked('p')).toBe(false);
    epochs.revoke('p');
    expect([epochs.isLate(mark), epochs.isLate(epochs.mark(ROW)), epochs.isRevoked('p')]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('ten thousand peers are known, those of the latest questions', () => {
    const { epochs } = world();
    const first = epochs.mark({ ...ROW, id: 'first' });
    const second = epochs.mark({ ...ROW, id: 'second' });
    for (let n = 2; n < 10_000; n += 1) epochs.mark({ ...ROW, id: `peer ${n}` });
    expect(epochs.isCurrent(first)).toBe(true);
    epochs.mark({ ...ROW, id: 'one more' });
    expect([epochs.isCurrent(first), epochs.isCurrent(second)]).toEqual([true, false]);
  });
});

describe('MUTANTS epochs versions of the grant', () => {
  it('the version in the row is what another one is compared with', () => {
    const { epochs } = world();
    expect(epochs.heard(epochs.mark(ROW), ROW, 4)).toBe('news');
    const same = world().epochs;
    expect(same.heard(same.mark(ROW), ROW, 3)).toBe('same');
  });

  it('another replica’s version counts with its epoch, and a row without one takes nothing back', () => {
    const { epochs } = world();
    epochs.heard(epochs.mark(ROW), ROW, 3);
    const raised = { ...ROW, cacheEpoch: 1, remoteGrantVersion: 4 };
    const bringing = epochs.mark(raised);
    expect(epochs.heard(bringing, raised, 4)).toBe('same');
    const bare = { ...ROW, cacheEpoch: 2, remoteGrantVersion: null };
    expect(epochs.heard(epochs.mark(bare), bare, 5)).toBe('news');
  });

  it('a question that brought a new epoch is no later than itself', () => {
    const { epochs } = world();
    epochs.mark(ROW);
    const raised = { ...ROW, cacheEpoch: 1 };
    expect(epochs.heard(epochs.mark(raised), raised, 4)).toBe('news');
  });

  it('an older question that was decided on the known version says nothing new, and is not late for it', () => {
    const { epochs } = world();
    const before = epochs.mark(ROW);
    void epochs.invalidate('p');
    expect(epochs.heard(before, ROW, 3)).toBe('same');
    expect(epochs.heard(before, ROW, 4)).toBe('late');
  });

  it('news make one epoch out of date and not the next', async () => {
    const { epochs, asked, written } = world();
    const mark = epochs.mark({ ...ROW, cacheEpoch: 5 });
    expect(epochs.heard(mark, ROW, 4)).toBe('news');
    expect(epochs.isLate(mark)).toBe(true);
    expect(asked).toEqual(['version p 4']);
    await written();
    const next = { ...ROW, cacheEpoch: 6, remoteGrantVersion: 4 };
    expect(epochs.isCurrent(epochs.mark(next))).toBe(true);
    expect(epochs.heard(epochs.mark(next), next, 4)).toBe('same');
    expect(asked).toHaveLength(1);
  });

  it('a question to a row of an older epoch takes the known one no step back', () => {
    const { epochs } = world();
    epochs.mark({ ...ROW, cacheEpoch: 5 });
    epochs.heard(epochs.mark(ROW), ROW, 4);
    expect(epochs.isCurrent(epochs.mark({ ...ROW, cacheEpoch: 5 }))).toBe(false);
    expect(epochs.isCurrent(epochs.mark({ ...ROW, cacheEpoch: 6 }))).toBe(true);
  });
});

describe('MUTANTS epochs what the database is told', () => {
  it('one refusal after an answer counts, and another only after the next answer', () => {
    const { epochs } = world();
    const late = (happens: () => void): boolean => {
      const mark = epochs.mark(ROW);
      happens();
      return epochs.isLate(mark);
    };
    const refused = () => epochs.refused('p');
    expect([late(refused), late(refused)]).toEqual([true, false]);
    epochs.admitted('p');
    expect([late(refused), late(refused)]).toEqual([true, false]);
  });

  it('one thing at a time of a peer, and what came meanwhile with the next question', async () => {
    const { epochs, asked, written } = world();
    epochs.mark(ROW);
    void epochs.invalidate('p');
    void epochs.invalidate('p');
    void epochs.invalidate('other');
    expect(asked).toEqual(['raise p', 'raise other']);
    await written();
    epochs.mark(ROW);
    expect(asked).toEqual(['raise p', 'raise other', 'raise p']);
    await written();
    epochs.mark(ROW);
    epochs.mark({ ...ROW, id: 'other' });
    expect(asked).toHaveLength(3);
  });

  it('questions while it is being written owe nothing more, and neither do answers', async () => {
    const { epochs, asked, written } = world();
    const mark = epochs.mark(ROW);
    void epochs.invalidate('p');
    epochs.mark(ROW);
    expect(epochs.heard(mark, { remoteGrantVersion: null }, 3)).toBe('same');
    await written();
    epochs.mark(ROW);
    expect(asked).toEqual(['raise p']);
  });

  it.each([
    [new Error('down'), expect.any(Error) as unknown],
    ['down', undefined],
  ])('what could not be written is logged, and owed: %s', async (error, logged) => {
    const { epochs, asked, warned, failed, written } = world();
    const invalidated = epochs.invalidate('p');
    await failed(error);
    await invalidated;
    expect(warned).toEqual([['cache epoch not recorded', { peer_id: 'p', error: logged }]]);
    epochs.mark(ROW);
    expect(asked).toEqual(['raise p', 'raise p']);
    await written();
    epochs.mark(ROW);
    expect(asked).toHaveLength(2);
  });

  it('is settled when it is written', async () => {
    const { epochs, written } = world();
    void epochs.invalidate('p');
    const order: string[] = [];
    const settled = epochs.settled().then(() => order.push('settled'));
    await new Promise((next) => setTimeout(next));
    order.push('written');
    await written();
    await settled;
    expect(order).toEqual(['written', 'settled']);
  });
});
