import { describe, expect, it } from 'vitest';
import type { PeerState } from '../../../domain/peers/peer.ts';
import type { Caller, Serving } from './serve.ts';
import { after, codeOf, GRANT, ISSUED, NOW, world } from './serve.testkit.ts';

/* MUTANTS serve: what is refused, and on whose word. The decision itself and the fence have tests of their own. */
const ID = '33333333-3333-4333-8333-333333333333';
const PLACE = { createdAt: '2026-02-01T00:00:00.000Z', id: ID };

const VERBS: readonly (readonly [string, unknown, (serving: Serving, caller: Caller) => Promise<unknown>])[] =
  [
    ['capabilities', null, (serving, caller) => serving.capabilities(caller)],
    [
      'list',
      { json: '', count: 0, next: null },
      (serving, caller) => serving.list(caller, { resource: 'tasks', limit: 5, cursor: null }),
    ],
    ['get', { id: ID }, (serving, caller) => serving.get(caller, 'tasks', ID)],
    [
      'search',
      { hits: [], next: null },
      (serving, caller) => serving.search(caller, { query: 'x', resources: null, limit: 5, cursor: null }),
    ],
  ];

describe.each(VERBS)('MUTANTS serve %s', (verb, value, ask) => {
  it.each<readonly [PeerState | null, string | null]>([
    ['active', null],
    ['degraded', null],
    ['pending', 'grant_pending'],
    ['suspended', 'forbidden'],
    ['revoked', 'grant_revoked'],
    [null, 'grant_revoked'],
  ])('of a peer that is %s', async (peer, code) => {
    const { hands, told, serving, caller } = world();
    Object.assign(hands, { peer, value });
    expect(await codeOf(ask(serving, await caller()))).toBe(code);
    expect(told.reads.map(({ terms }) => terms.target.verb)).toEqual(code === null ? [verb] : []);
  });

  it('is decided again on the newest grant before it is refused, and only where this process serves from', async () => {
    const { hands, told, serving, caller } = world();
    Object.assign(hands, { grant: { ...GRANT, status: 'pending' }, value });
    const early = await caller();
    hands.grant = GRANT;
    expect(await codeOf(ask(serving, early))).toBeNull();
    expect([told.grantsRead, told.assured]).toEqual([2, 0]);

    hands.grant = { ...GRANT, status: 'revoked' };
    hands.now = after(2_000);
    const late = await caller();
    expect(await codeOf(ask(serving, late))).toBe('grant_revoked');
    expect([told.grantsRead, told.assured, told.epochsRead]).toEqual([4, 1, 1]);
    hands.lostSince = NOW;
    expect(await codeOf(ask(serving, late))).toBe('revocations_lost');
    hands.isServing = false;
    expect(await codeOf(ask(serving, late))).toBe('database_unavailable');
  });

  it('is read under the newest version of the grant that the fence lets through', async () => {
    const { hands, told, serving, caller } = world();
    hands.value = value;
    const one = await caller();
    hands.grant = { ...GRANT, version: 2 };
    hands.admits = (nth) => nth === 2;
    expect(await codeOf(ask(serving, one))).toBeNull();
    expect(told.reads.map(({ terms }) => terms.fence?.grantVersion)).toEqual([1, 2]);
  });

  it('is given up when the grant changes with each of four attempts', async () => {
    const { hands, told, serving, caller } = world();
    hands.admits = () => false;
    hands.onRead = (nth) => void (hands.grant = { ...GRANT, version: nth });
    expect(await codeOf(ask(serving, await caller()))).toBe('unavailable');
    expect(told.reads.map(({ terms }) => terms.fence?.grantVersion)).toEqual([1, 2, 3, 4]);
  });
});

describe('MUTANTS serve what the fence alone refuses', () => {
  const refused = async (certificates: readonly object[], lostSince: Date | null = null) => {
    const { hands, told, serving, caller } = world();
    Object.assign(hands, { certificates, lostSince, admits: () => false });
    const code = await codeOf(serving.capabilities(await caller()));
    return [code, told.reads.length, told.epochsRead];
  };

  it.each([
    ['the certificate is good, so that clocks differ', [ISSUED], 'unavailable'],
    ['one of several is', [{ ...ISSUED, status: 'revoked' }, ISSUED], 'unavailable'],
    ['it ends later', [{ ...ISSUED, revokeAt: after(1) }], 'unavailable'],
    ['it ends now', [{ ...ISSUED, revokeAt: NOW }], 'certificate_revoked'],
    ['it was revoked', [{ ...ISSUED, status: 'revoked' }], 'certificate_revoked'],
    ['another is good', [{ ...ISSUED, fingerprint: '0'.repeat(64) }], 'certificate_revoked'],
    ['there is none', [], 'certificate_revoked'],
  ])('%s', async (_what, certificates, code) => {
    expect(await refused(certificates)).toEqual([code, 2, 1]);
  });

  it('says so when the database lacks revocations', async () => {
    expect((await refused([], NOW))[0]).toBe('revocations_lost');
  });
});

describe('MUTANTS serve rows', () => {
  it('a page is told with the cursor of the next one, which holds for this grant, version and resource', async () => {
    const { hands, told, serving, caller } = world();
    hands.value = { json: '{"id":1}', count: 1, next: PLACE };
    const list = async (cursor: string | null, resource: 'tasks' | 'notes' = 'tasks') =>
      serving.list(await caller(), { resource, limit: 5, cursor });
    const { nextCursor, ...page } = await list(null);
    expect(page).toEqual({ json: '{"id":1}', count: 1 });
    hands.value = { json: '', count: 0, next: null };
    expect((await list(nextCursor)).nextCursor).toBeNull();
    expect(told.reads.map(({ terms: { target } }) => target)).toEqual([
      { verb: 'list', resource: 'tasks', limit: 5, after: null },
      { verb: 'list', resource: 'tasks', limit: 5, after: PLACE },
    ]);
    expect(await codeOf(list(nextCursor, 'notes'))).toBe('invalid_cursor');
    hands.grant = { ...GRANT, version: 2 };
    hands.now = after(2_000);
    expect(await codeOf(list(nextCursor))).toBe('invalid_cursor');
    hands.peer = 'suspended';
    expect(await codeOf(list('no cursor'))).toBe('forbidden');
  });

  it('one row is given or not found; what is no id is looked for all the same', async () => {
    const { hands, told, serving, caller } = world();
    hands.value = { id: ID };
    expect(await serving.get(await caller(), 'tasks', ID)).toEqual({ id: ID });
    hands.value = null;
    expect(await codeOf(serving.get(await caller(), 'tasks', 'x'))).toBe('not_found');
    expect(told.reads.map(({ terms: { target } }) => target)).toEqual([
      { verb: 'get', resource: 'tasks', id: ID },
      { verb: 'get', resource: 'tasks', id: '00000000-0000-0000-0000-000000000000' },
    ]);
    expect(await codeOf(serving.get(await caller(), 'memory', ID))).toBe('resource_not_granted');
  });

  it('of a search the state of the peer comes before a cursor that is none, and after what is not granted', async () => {
    const { hands, told, serving, caller } = world();
    hands.value = { hits: [], next: null };
    const search = async (cursor: string | null, resources: readonly ('tasks' | 'memory')[] | null) =>
      codeOf(serving.search(await caller(), { query: 'x', resources, limit: 5, cursor }));
    expect(await search(null, null)).toBeNull();
    expect(await search('none', null)).toBe('invalid_cursor');
    expect(told.reads).toHaveLength(1);
    hands.peer = 'suspended';
    hands.now = after(2_000);
    expect(await search('none', null)).toBe('forbidden');
    expect(await search(null, ['memory'])).toBe('resource_not_granted');
  });

  it('what the subject may know is told of the grant', async () => {
    const { serving, caller } = world();
    expect(await serving.capabilities(await caller())).toMatchObject({
      gateway: 'work',
      grant: { id: GRANT.id },
      server_time: NOW.toISOString(),
    });
  });

  it('every reading statement knows the highest revocation epoch that this process has seen', async () => {
    const { hands, told, serving, caller } = world();
    const one = await caller();
    hands.peer = null;
    hands.now = after(2_000);
    expect(await codeOf(serving.capabilities(await caller()))).toBe('grant_revoked');
    hands.peer = 'active';
    for (const [, value, ask] of VERBS) {
      hands.value = value;
      await ask(serving, one);
    }
    expect(told.reads.map(({ terms }) => terms.fence?.revocationEpoch)).toEqual([5, 5, 5, 5]);
  });
});
