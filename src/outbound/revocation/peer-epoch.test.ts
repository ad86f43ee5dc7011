import { expect, it } from 'vitest';
import { learnRevoked } from './peer-epoch.ts';
import { queryList } from '../query/query.ts';
import { TRACE, asker, fakePeer, taskAt } from '../query/query.testkit.ts';

it('M5-3 a revocation that could not be written down holds here, and the next query writes it', async () => {
  const from = asker([taskAt(5, 5, 'local')], { work: fakePeer([taskAt(1, 1, 'secret')]) });
  const titles = async (): Promise<readonly unknown[]> => {
    const asked = { ...from.as(), resource: 'tasks', source: 'all', traceId: TRACE } as const;
    const { page } = await queryList(from.deps, {
      ...asked,
      session: 'one',
      isFresh: false,
      limit: 10,
      cursor: undefined,
    });
    return page.items.map(({ title }) => title);
  };
  expect(await titles()).toEqual(['local', 'secret']);
  const { peerTrust } = from.deps.storage.stores as unknown as {
    peerTrust: { markRevoked: (id: string) => Promise<boolean> };
  };
  const write = peerTrust.markRevoked;
  peerTrust.markRevoked = () => Promise.reject(new Error('the database is away'));
  await expect(learnRevoked(from.deps, { id: from.peerRows[0]?.id ?? '' })).rejects.toThrow('away');
  expect(await titles()).toEqual(['local']);
  expect(from.peerRows[0]?.state).toBe('active');
  peerTrust.markRevoked = write;
  expect(await titles()).toEqual(['local']);
  await expect.poll(() => from.peerRows[0]?.state).toBe('revoked');
});
