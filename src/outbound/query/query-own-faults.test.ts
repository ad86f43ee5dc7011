import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../../domain/errors.ts';
import { queryItem, queryList } from './query.ts';
import { TRACE, asker, fakePeer, problem, taskAt, uuidOf, type Asker } from './query.testkit.ts';

const asked = (from: Asker) =>
  ({
    session: 'test',
    isFresh: false,
    ...from.as(),
    resource: 'tasks',
    source: 'all',
    traceId: TRACE,
  }) as const;

/** As a connection does that is broken off by who asked. */
const slow = (signal: AbortSignal | null): Promise<Response> =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new TypeError('aborted')));
  });

describe('F-32 no fault of ours is a verdict on a peer', () => {
  it('a slower peer is not called unreachable once another one has the row', async () => {
    const from = asker([], { broken: fakePeer([]), slow: fakePeer([]), works: fakePeer([taskAt(3, 3)]) });
    Object.assign(from.peers['slow'] ?? {}, { fault: slow });
    Object.assign(from.peers['broken'] ?? {}, { fault: () => problem(503, 'unavailable') });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    // The one that has it answers when the broken one has failed.
    Object.assign(from.peers['works'] ?? {}, {
      fault: async () => {
        await held;
        return Response.json({ item: taskAt(3, 3) });
      },
    });
    const page = queryItem(from.deps, { ...asked(from), id: uuidOf(3) });
    await expect.poll(() => from.health.length).toBe(1);
    release();
    const { sources, notices } = (await page).page;
    expect(Object.keys(sources).toSorted()).toEqual(['federated:broken', 'federated:works', 'local']);
    expect(notices.map(({ source }) => source)).toEqual(['federated:broken']);
    expect(from.health.filter((line) => line.startsWith(from.peerRows[1]?.id ?? ''))).toEqual([]);
  });

  it('a database of ours that is away is told as that: no time-out, nobody offline, no circuit opened', async () => {
    const from = asker([taskAt(1, 1)], { one: fakePeer([taskAt(2, 2)]) }, 60_000, { circuitFailures: 1 });
    const away = () => Promise.reject(new MosaicError('database_unavailable'));
    Object.assign(from.deps.storage.stores.peers, { byId: away });
    const { sources, notices } = (
      await queryList(from.deps, { ...asked(from), limit: 10, cursor: undefined })
    ).page;
    expect(sources['federated:one']).toMatchObject({ code: 'unavailable' });
    expect(notices).toMatchObject([{ source: 'federated:one', code: 'unavailable' }]);
    expect(from.health).toEqual([]);
    expect(from.deps.outbound.circuits.of(from.peerRows[0]?.id ?? '').state).toBe('closed');
  });

  it('an answer that came and could not be kept here for a fault of ours is no time-out of the peer', async () => {
    const from = asker([taskAt(1, 1)], { one: fakePeer([taskAt(2, 2)]) }, 60_000);
    const broken = (): never => {
      throw new Error('a fault of ours');
    };
    Object.assign(from.deps.outbound.cache, { told: broken });
    const { sources } = (await queryList(from.deps, { ...asked(from), limit: 10, cursor: undefined })).page;
    expect(sources['federated:one']).toMatchObject({ code: 'unavailable' });
  });
});
