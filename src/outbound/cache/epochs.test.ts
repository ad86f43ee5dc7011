import { describe, expect, it } from 'vitest';
import { createPeerEpochs } from './epochs.ts';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A row as the database would hold it, its trigger included. */
const build = (row = { id: 'p', cacheEpoch: 0, remoteGrantVersion: null as number | null }) => {
  let broken = false;
  const written: string[] = [];
  const store = {
    raiseCacheEpoch: async () => {
      if (broken) throw new Error('down');
      written.push('raise');
      return (row.cacheEpoch += 1);
    },
    recordGrantVersion: async (_id: string, version: number) => {
      if (broken) throw new Error('down');
      if (row.remoteGrantVersion === version) return;
      written.push(`version ${version}`);
      if (row.remoteGrantVersion !== null) row.cacheEpoch += 1;
      row.remoteGrantVersion = version;
    },
  };
  return {
    row,
    written,
    epochs: createPeerEpochs(store, silent),
    replica: () => createPeerEpochs(store, silent),
    breakDatabase: (is: boolean) => (broken = is),
  };
};

describe('PeerEpochs', () => {
  it('M5-3 what was begun before an invalidation is out of date at once, and new queries once it is written', async () => {
    const { epochs, row } = build();
    const before = epochs.mark(row);
    expect(epochs.isCurrent(before)).toBe(true);
    const writing = epochs.invalidate('p');
    expect(epochs.isCurrent(before)).toBe(false);
    // The row is read again before the write is through.
    expect(epochs.isCurrent(epochs.mark({ ...row, cacheEpoch: 0 }))).toBe(false);
    await writing;
    expect(epochs.isCurrent(epochs.mark(row))).toBe(true);
  });

  it('M5-3 a write that fails leaves the cache off, and is made up for', async () => {
    const { epochs, row, breakDatabase, written } = build();
    epochs.mark(row);
    breakDatabase(true);
    await epochs.invalidate('p');
    expect(epochs.isCurrent(epochs.mark(row))).toBe(false);
    await epochs.settled();
    breakDatabase(false);
    epochs.mark(row);
    await epochs.settled();
    expect(written).toEqual(['raise']);
    expect(epochs.isCurrent(epochs.mark(row))).toBe(true);
  });

  it('M5-3 a revocation holds for every mark, whatever the row says', () => {
    const { epochs, row } = build();
    const before = epochs.mark(row);
    epochs.revoke('p');
    expect(epochs.isRevoked('p')).toBe(true);
    expect(epochs.isCurrent(before)).toBe(false);
    expect(epochs.isCurrent(epochs.mark({ ...row, cacheEpoch: 9 }))).toBe(false);
    expect(epochs.isCurrent(epochs.mark({ ...row, id: 'other' }))).toBe(true);
  });

  it('the first version heard of is no news; another one is, and makes older answers late', async () => {
    const { epochs, row, written } = build();
    const first = epochs.mark(row);
    expect(epochs.heard(first, row, 3)).toBe('same');
    await epochs.settled();
    expect(epochs.isCurrent(epochs.mark(row))).toBe(true);

    const old = epochs.mark(row);
    const current = epochs.mark(row);
    expect(epochs.heard(current, row, 4)).toBe('news');
    expect(epochs.isCurrent(current)).toBe(false);
    expect(epochs.heard(old, row, 3)).toBe('late');
    await epochs.settled();
    expect(written).toEqual(['version 3', 'version 4']);
    expect(row.cacheEpoch).toBe(1);
    expect(epochs.isCurrent(epochs.mark(row))).toBe(true);
  });

  it('a version that falls, after a restore at the peer, is news like any other and not late for ever', async () => {
    const { epochs, row } = build();
    epochs.heard(epochs.mark(row), row, 9);
    await epochs.settled();
    expect(epochs.heard(epochs.mark(row), row, 5)).toBe('news');
    await epochs.settled();
    expect(epochs.heard(epochs.mark(row), row, 5)).toBe('same');
  });

  it('a replica that hears what another has written already goes on with the cache', async () => {
    const { epochs, replica, row } = build();
    const other = replica();
    other.heard(other.mark(row), row, 1);
    epochs.heard(epochs.mark(row), row, 1);
    await Promise.all([epochs.settled(), other.settled()]);
    epochs.heard(epochs.mark(row), row, 2);
    await epochs.settled();
    const stale = { ...row, cacheEpoch: 0, remoteGrantVersion: 1 };
    expect(other.heard(other.mark(stale), stale, 2)).toBe('news');
    await other.settled();
    expect(row.cacheEpoch).toBe(1);
    expect(other.isCurrent(other.mark(row))).toBe(true);
  });
});

describe('F-70 says at once of which peer nothing cached is good any more', () => {
  const row = { id: 'p', cacheEpoch: 0, remoteGrantVersion: 1 };
  const watched = () => {
    const outdated: string[] = [];
    const store = { raiseCacheEpoch: async () => 1, recordGrantVersion: async () => {} };
    const epochs = createPeerEpochs(store, silent, (peerId) => void outdated.push(peerId));
    return { outdated, epochs, mark: epochs.mark(row) };
  };

  it.each<[string, (watched_: ReturnType<typeof watched>) => void, number]>([
    ['a refusal of the grant', ({ epochs }) => epochs.refused('p'), 1],
    ['a refusal again', ({ epochs }) => [epochs.refused('p'), epochs.refused('p')], 1],
    ['a revocation', ({ epochs }) => epochs.revoke('p'), 1],
    ['a command of the administrator', ({ epochs }) => void epochs.invalidate('p'), 1],
    ['an epoch that another replica raised', ({ epochs }) => void epochs.mark({ ...row, cacheEpoch: 1 }), 1],
    ['another version of the grant', ({ epochs, mark }) => void epochs.heard(mark, row, 2), 1],
    ['the same version', ({ epochs, mark }) => void epochs.heard(mark, row, 1), 0],
    ['the same epoch', ({ epochs }) => void epochs.mark(row), 0],
    ['an answer', ({ epochs }) => epochs.admitted('p'), 0],
  ])('after %s', (_what, happens, times) => {
    const one = watched();
    happens(one);
    expect(one.outdated).toEqual(Array.from({ length: times }, () => 'p'));
  });
});
