import { describe, expect, it } from 'vitest';
import { queryList, type Answer, type Query } from './query.ts';
import { TRACE, asker, fakePeer, taskAt, type Asker, type FakePeer } from './query.testkit.ts';

const keptPeer = (title: string, terms = 'max-age=30, grant-version=1'): FakePeer =>
  Object.assign(fakePeer([taskAt(1, 1, title)]), { terms });

type Asked = Partial<Pick<Query, 'isFresh' | 'isUnstored'>> & { readonly limit?: number };

const list = (from: Asker, asked: Asked = {}): Promise<Answer> =>
  queryList(from.deps, {
    ...from.as(),
    resource: 'tasks',
    source: 'all',
    traceId: TRACE,
    limit: 10,
    cursor: undefined,
    session: 'test',
    isFresh: false,
    ...asked,
  });
const work = (from: Asker): FakePeer => {
  const peer = from.peers['work'];
  if (peer === undefined) throw new Error('no such peer');
  return peer;
};
const sourceOf = ({ page }: Answer) => page.sources['federated:work'];

describe('RFC 9111 no-store', () => {
  it('F-59 nothing of a request with `no-store` is stored, nor of its answer, whatever is kept of others', async () => {
    const from = asker([], { work: keptPeer('one') });
    const unstored = { isFresh: true, isUnstored: true } as const;
    expect((await list(from, unstored)).cacheStatus).not.toContain('stored');
    expect(sourceOf(await list(from))?.status).toBe('complete');
    expect(work(from).requests).toBe(2);
    // Two at once: the one that may be stored is, by a call of its own.
    const [quiet, kept] = await Promise.all([
      list(from, { ...unstored, limit: 7 }),
      list(from, { isFresh: true, limit: 7 }),
    ]);
    expect([quiet.cacheStatus, kept.cacheStatus]).toEqual([
      expect.not.stringContaining('stored') as string,
      expect.stringContaining('stored') as string,
    ]);
  });

  it('F-59 nothing is kept of a peer that says so, whatever age it names', async () => {
    const from = asker([], { work: keptPeer('one', 'max-age=20, no-store, grant-version=1') });
    await list(from);
    await list(from);
    expect(work(from).requests).toBe(2);
  });
});
