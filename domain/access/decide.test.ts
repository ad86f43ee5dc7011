import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { GRANT_STATUSES, type Grant } from '../grants/grant.ts';
import { RESOURCES, type Resource } from '../resources.ts';
import type { CertificateIdentity } from '../peers/identity.ts';
import type { ResourceReader } from '../ports/resources.ts';
import { reachableResources } from '../scope/narrow.ts';
import { SEARCHABLE } from '../search/hit.ts';
import { assertAuthorized, decide, decideNative, type AuthorizedGet, type AuthorizedList } from './decide.ts';
import { assertAuthorizedWrite, decideWrite, type AuthorizedWrite } from './write.ts';

const GRANT = '00000000-0000-4000-8000-000000000001';
const SUBJECT = '00000000-0000-4000-8000-00000000000a';
const OTHER = '00000000-0000-4000-8000-00000000000b';
const TEAM = '00000000-0000-4000-8000-0000000000aa';
const NOW = new Date('2026-06-01T00:00:00Z');

const grant: Grant = {
  id: GRANT,
  peerId: OTHER,
  subjectUserId: SUBJECT,
  scope: {
    resources: ['tasks', 'notes'],
    excluded_resources: ['credentials'],
    filters: { tasks: { include_teams: [TEAM], include_personal: false } },
    max_rows_per_query: 20,
  },
  status: 'active',
  version: 7,
  rateLimitPerMinute: null,
  cacheTtlSeconds: null,
  auditStrict: false,
  createdAt: NOW,
  activatedAt: NOW,
  expiresAt: null,
  revokedAt: null,
  revokedReason: null,
};

const identity: CertificateIdentity = {
  grantId: GRANT,
  subjectUserId: SUBJECT,
  serial: 'ab12',
  fingerprint: 'f'.repeat(64),
  notBefore: new Date('2026-05-01T00:00:00Z'),
  notAfter: new Date('2026-07-01T00:00:00Z'),
};

const list = { resource: 'tasks', limit: 50, after: null } as const;
const search = { query: 'words', resources: null, limit: 50, after: null } as const;

describe('decide', () => {
  it('carries the scope and the fence into the proof, with the limit capped', () => {
    const decision = decide.list(grant, identity, list, NOW);
    expect(decision.ok && decision.value.terms).toEqual({
      subjectUserId: SUBJECT,
      target: { verb: 'list', resource: 'tasks', limit: 20, after: null },
      personal: false,
      teams: [TEAM],
      fence: {
        grantId: GRANT,
        grantVersion: 7,
        subjectUserId: SUBJECT,
        certificateSerial: 'ab12',
        certificateFingerprint: 'f'.repeat(64),
        revocationEpoch: 0,
      },
    });
  });

  it('gives personal rows only where the scope has no filter', () => {
    const decision = decide.get(grant, identity, { resource: 'notes', id: OTHER }, NOW);
    expect(decision.ok && decision.value.terms).toMatchObject({ personal: true, teams: [] });
  });

  it.each([
    ['no grant', null, identity, 'grant_unknown'],
    ['another grant', { ...grant, id: OTHER }, identity, 'grant_unknown'],
    ['a pending grant', { ...grant, status: 'pending' as const }, identity, 'grant_pending'],
    ['a revoked grant', { ...grant, status: 'revoked' as const }, identity, 'grant_revoked'],
    ['an expired grant', { ...grant, expiresAt: NOW }, identity, 'grant_expired'],
    [
      'X-12 grant X with the subject of Y',
      grant,
      { ...identity, subjectUserId: OTHER },
      'grant_subject_mismatch',
    ],
  ])('denies %s for every verb', (_name, g, i, code) => {
    expect(decide.list(g, i, list, NOW)).toEqual({ ok: false, error: code });
    expect(decide.get(g, i, { resource: 'tasks', id: OTHER }, NOW)).toEqual({ ok: false, error: code });
    expect(decide.capabilities(g, i, NOW)).toEqual({ ok: false, error: code });
    expect(decide.search(g, i, search, NOW)).toEqual({ ok: false, error: code });
  });

  it('lets a search into what may be listed, each resource in its own bounds, and nothing else', () => {
    const decision = decide.search(grant, identity, search, NOW);
    expect(decision.ok && decision.value.terms).toEqual({
      subjectUserId: SUBJECT,
      target: {
        verb: 'search',
        query: 'words',
        within: [
          { resource: 'tasks', personal: false, teams: [TEAM] },
          { resource: 'notes', personal: true, teams: [] },
        ],
        limit: 20,
        after: null,
      },
      personal: false,
      teams: [],
      fence: {
        grantId: GRANT,
        grantVersion: 7,
        subjectUserId: SUBJECT,
        certificateSerial: 'ab12',
        certificateFingerprint: 'f'.repeat(64),
        revocationEpoch: 0,
      },
    });
    const within = decision.ok ? decision.value.terms.target.within : [];
    expect(() => Object.assign(within[0] ?? {}, { personal: true })).toThrow(TypeError);
    expect(() => (within as unknown[]).push({})).toThrow(TypeError);
  });

  it('X-31 refuses a search that names, or could only reach, what may not be read', () => {
    const named = (...resources: readonly Resource[]) =>
      decide.search(grant, identity, { ...search, resources }, NOW);
    expect(named('tasks', 'credentials')).toEqual({ ok: false, error: 'resource_excluded' });
    expect(named('memory', 'tasks')).toEqual({ ok: false, error: 'resource_not_granted' });
    expect(named('tasks', 'tasks').ok).toBe(true);
    const reaching = (scope: Partial<Grant['scope']>) =>
      decide.search({ ...grant, scope: { ...grant.scope, ...scope } }, identity, search, NOW);
    expect(reaching({ resources: ['tasks'], excluded_resources: ['tasks'] })).toEqual({
      ok: false,
      error: 'resource_excluded',
    });
    expect(reaching({ resources: [] })).toEqual({ ok: false, error: 'resource_not_granted' });
  });

  it('denies what is excluded or not granted by name', () => {
    expect(decide.list(grant, identity, { ...list, resource: 'credentials' }, NOW)).toEqual({
      ok: false,
      error: 'resource_excluded',
    });
    expect(decide.list(grant, identity, { ...list, resource: 'memory' }, NOW)).toEqual({
      ok: false,
      error: 'resource_not_granted',
    });
  });

  it('is total, and allows only an active grant of that subject for a granted resource', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...GRANT_STATUSES),
        fc.option(fc.date({ noInvalidDate: true }), { nil: null }),
        fc.constantFrom(SUBJECT, OTHER),
        fc.constantFrom(...RESOURCES),
        fc.subarray([...RESOURCES]),
        fc.subarray([...RESOURCES]),
        (status, expiresAt, subjectUserId, resource, resources, excluded) => {
          const g: Grant = {
            ...grant,
            status,
            expiresAt,
            scope: { resources, excluded_resources: excluded, filters: {}, max_rows_per_query: 5 },
          };
          const decision = decide.list(g, { ...identity, subjectUserId }, { ...list, resource }, NOW);
          const allowed =
            status === 'active' &&
            (expiresAt === null || expiresAt > NOW) &&
            subjectUserId === SUBJECT &&
            resources.includes(resource) &&
            !excluded.includes(resource);
          expect(decision.ok).toBe(allowed);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('the choke point', () => {
  const native = decideNative.list({ userId: SUBJECT, isAdmin: false, access: 'read' }, list);

  it('refuses a proof that was not made by decide, at run time too', () => {
    expect(() => assertAuthorized(native)).not.toThrow();
    for (const forged of [
      null,
      {},
      { terms: native.terms },
      JSON.parse(JSON.stringify(native)),
      Object.create(Object.getPrototypeOf(native) as object),
    ]) {
      expect(() => assertAuthorized(forged)).toThrow(TypeError);
    }
  });

  it('cannot be widened afterwards', () => {
    expect(() => Object.assign(native.terms, { subjectUserId: OTHER })).toThrow(TypeError);
    expect(() => Object.assign(native, { terms: {} })).toThrow(TypeError);
    expect(() => Object.assign(native.terms.target, { limit: 10_000 })).toThrow(TypeError);
  });

  it('is the only type a reader accepts', () => {
    expectTypeOf<Parameters<ResourceReader['list']>[0]>().toEqualTypeOf<AuthorizedList>();
    expectTypeOf<{ readonly terms: AuthorizedList['terms'] }>().not.toExtend<AuthorizedList>();
    expectTypeOf<AuthorizedGet>().not.toExtend<AuthorizedList>();
    expectTypeOf<AuthorizedList>().not.toExtend<AuthorizedGet>();
    // @ts-expect-error a literal with the right shape is not a proof
    const forged: AuthorizedList = { terms: native.terms };
    expect(() => assertAuthorized(forged)).toThrow(TypeError);
    // @ts-expect-error neither is a write's proof
    const forgedWrite: AuthorizedWrite = { userId: SUBJECT, resource: 'tasks', action: 'create' };
    expect(() => assertAuthorizedWrite(forgedWrite)).toThrow(TypeError);
  });
});

describe('decideWrite', () => {
  it('takes a token that may write', () => {
    expect(decideWrite({ userId: SUBJECT, isAdmin: true, access: 'read' }, 'tasks', 'create')).toEqual({
      ok: false,
      error: 'read_only_token',
    });
    const decision = decideWrite({ userId: SUBJECT, isAdmin: false, access: 'write' }, 'tasks', 'create');
    expect(decision.ok && decision.value.userId).toBe(SUBJECT);
  });
});

describe('MUTANTS access the two proofs', () => {
  const writer = { userId: SUBJECT, isAdmin: false, access: 'write' } as const;
  const written = decideWrite(writer, 'notes', 'delete');
  if (!written.ok) throw new Error('a writer may write');

  it('a write that was decided says who, what and how, and cannot be changed', () => {
    const { value } = written;
    expect(Object.assign({}, value)).toEqual({ userId: SUBJECT, resource: 'notes', action: 'delete' });
    expect(() => assertAuthorizedWrite(value)).not.toThrow();
    expect(() => Object.assign(value, { userId: OTHER })).toThrow(TypeError);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'proof'],
    ['an object', {}],
    ['a copy', Object.assign({}, written.value) as unknown],
    ['a read', decideNative.list(writer, list)],
    ['an heir', Object.create(written.value) as unknown],
  ])('a write is not %s', (_what, forged) => {
    expect(() => assertAuthorizedWrite(forged)).toThrow('not an AuthorizedWrite made by decideWrite()');
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'proof'],
    ['a write', written.value],
    ['an heir', Object.create(decideNative.list(writer, list)) as unknown],
  ])('a read is not %s', (_what, forged) => {
    expect(() => assertAuthorized(forged)).toThrow('not an AuthorizedRead made by decide()');
  });

  it('what a person reads at home is all of the own, by every verb, and no more than was asked', () => {
    const reach = { subjectUserId: SUBJECT, personal: true, teams: 'all', fence: null };
    const after = { createdAt: NOW.toISOString(), id: OTHER };
    expect(decideNative.list(writer, { resource: 'tasks', limit: 7, after }).terms).toEqual({
      ...reach,
      target: { verb: 'list', resource: 'tasks', limit: 7, after },
    });
    expect(decideNative.get(writer, { resource: 'notes', id: OTHER }).terms).toEqual({
      ...reach,
      target: { verb: 'get', resource: 'notes', id: OTHER },
    });
    const asked = (resources: readonly Resource[] | null) =>
      decideNative.search(writer, { query: 'words', resources, limit: 3, after: null }).terms;
    const within = (...resources: readonly Resource[]) =>
      resources.map((resource) => ({ resource, personal: true, teams: 'all' }));
    expect(asked(['notes', 'tasks', 'notes'])).toEqual({
      subjectUserId: SUBJECT,
      personal: false,
      teams: [],
      fence: null,
      target: { verb: 'search', query: 'words', limit: 3, after: null, within: within('notes', 'tasks') },
    });
    expect(asked(null).target.within).toEqual(within(...SEARCHABLE));
  });

  it('what a peer reads is the subject’s by every verb, under the fence, and its capabilities are no rows', () => {
    const fence = {
      grantId: GRANT,
      grantVersion: 7,
      subjectUserId: SUBJECT,
      certificateSerial: 'ab12',
      certificateFingerprint: 'f'.repeat(64),
      revocationEpoch: 5,
    };
    const get = decide.get(grant, identity, { resource: 'tasks', id: OTHER }, NOW, 5);
    expect(get.ok && get.value.terms).toEqual({
      subjectUserId: SUBJECT,
      personal: false,
      teams: [TEAM],
      fence,
      target: { verb: 'get', resource: 'tasks', id: OTHER },
    });
    const told = decide.capabilities(grant, identity, NOW, 5);
    expect(told.ok && told.value.terms).toEqual({
      subjectUserId: SUBJECT,
      personal: false,
      teams: [],
      fence,
      target: { verb: 'capabilities' },
    });
    for (const decision of [
      decide.list(grant, identity, list, NOW, 5),
      decide.search(grant, identity, search, NOW, 5),
    ])
      expect(decision.ok && decision.value.terms.fence).toEqual(fence);
    const first = decide.capabilities(grant, identity, NOW);
    expect(first.ok && first.value.terms.fence?.revocationEpoch).toBe(0);
    const unsaid = decide.get(grant, identity, { resource: 'tasks', id: OTHER }, NOW);
    expect(unsaid.ok && unsaid.value.terms.fence?.revocationEpoch).toBe(0);
  });

  it('no page and no search is longer than was asked, nor than the scope allows', () => {
    const limits = (asked: number): readonly unknown[] => {
      const [page, hits] = [
        decide.list(grant, identity, { ...list, limit: asked }, NOW),
        decide.search(grant, identity, { ...search, limit: asked }, NOW),
      ];
      return [page.ok && page.value.terms.target.limit, hits.ok && hits.value.terms.target.limit];
    };
    expect([limits(19), limits(20), limits(21)]).toEqual([
      [19, 19],
      [20, 20],
      [20, 20],
    ]);
  });

  it('a search that names nothing goes where the scope reaches, and leaves out what it excludes', () => {
    const scope = { ...grant.scope, resources: ['tasks', 'credentials'] as const };
    const decision = decide.search({ ...grant, scope }, identity, search, NOW);
    expect(decision.ok && decision.value.terms.target.within.map(({ resource }) => resource)).toEqual([
      'tasks',
    ]);
  });

  it('a scope reaches what it grants and does not exclude', () => {
    const scope = { ...grant.scope, resources: ['tasks', 'notes', 'credentials'] as const };
    expect(reachableResources(scope)).toEqual(['tasks', 'notes']);
  });
});
