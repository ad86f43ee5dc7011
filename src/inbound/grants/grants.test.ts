import { describe, expect, it } from 'vitest';
import { derToPem } from '../../../ca/x509/pem.ts';
import type { AuditEntry } from '../../../domain/audit/entry.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Grant } from '../../../domain/grants/grant.ts';
import type { PeerState } from '../../../domain/peers/peer.ts';
import type { GrantPatch } from '../../../domain/ports/grants.ts';
import type { Stores } from '../../../domain/ports/storage.ts';
import type { InboundDeps } from '../deps.ts';
import type { Actor } from '../../kernel/actor.ts';
import { sha256 } from '../../kernel/mac.ts';
import { after, codeOf, GRANT, NOW } from '../read/serve.testkit.ts';
import {
  changeGrant,
  createGrant,
  listGrants,
  showGrant,
  type GrantChange,
  type NewGrant,
} from './grants.ts';

const ACTOR = { principal: { userId: 'root', isAdmin: true, access: 'write' }, traceId: 'trace' } as Actor;
const PEER = { id: 'peer', name: 'home', state: 'active' as PeerState };
const ALICE = '44444444-4444-4444-8444-444444444444';

const NEW: NewGrant = {
  user: 'alice',
  peer: 'home',
  scope: { resources: ['tasks'], max_rows_per_query: 5 },
  approveSensitive: false,
  expiresAt: null,
  rateLimitPerMinute: 7,
  cacheTtlSeconds: 8,
  auditStrict: true,
};

const world = () => {
  const hands = {
    found: GRANT as Grant | null,
    peer: PEER as typeof PEER | null,
    isOvertaken: false,
    /** Runs when a transaction begins, with how many there were. */
    onTransaction: (_nth: number): void => {},
  };
  const inserted: { readonly grant: Grant; readonly auditKeySealed: string }[] = [];
  const patched: (readonly [string, number, GrantPatch])[] = [];
  const entries: AuditEntry[] = [];
  const tokens: unknown[] = [];
  const peersRead: string[] = [];
  let transactions = 0;
  const stores = {
    users: {
      byId: async (id: string) => (id === ALICE ? { id, name: 'alice' } : null),
      byName: async (name: string) => (name === 'alice' ? { id: ALICE, name } : null),
    },
    peers: {
      inboundByName: async () => hands.peer,
      byId: async (id: string) => {
        peersRead.push(id);
        return hands.peer;
      },
    },
    grants: {
      insert: async (record: (typeof inserted)[number]) => void inserted.push(record),
      byId: async () => (hands.found === null ? null : { grant: hands.found }),
      list: async () => ({ items: [GRANT, { ...GRANT, id: 'another' }], next: null }),
      patch: async (id: string, version: number, patch: GrantPatch) => {
        patched.push([id, version, patch]);
        return hands.isOvertaken ? null : { ...GRANT, ...patch, version: version + 1 };
      },
    },
    enrollmentTokens: { insert: async (token: unknown) => void tokens.push(token) },
    audit: { insertMany: async (many: readonly AuditEntry[]) => void entries.push(...many) },
  } as unknown as Stores;
  const deps = {
    settings: { enrollmentTokenSeconds: 900, enrollmentBaseUrl: 'https://work.example:8443' },
    clock: { now: () => NOW },
    ids: { uuid: () => 'made' },
    random: { bytes: (length: number) => new Uint8Array(length) },
    keys: { cursorMac: sha256 },
    sealer: {
      seal: async (secret: Uint8Array, identity: string) => `${secret.byteLength} bytes for ${identity}`,
    },
    ca: { rootPem: async () => derToPem(Uint8Array.of(0x30, 0), 'CERTIFICATE') },
    storage: {
      stores,
      transaction: async <T>(work: (within: Stores) => Promise<T>): Promise<T> => {
        transactions += 1;
        hands.onTransaction(transactions);
        return work(stores);
      },
    },
  } as unknown as InboundDeps;
  return {
    hands,
    deps,
    inserted,
    patched,
    tokens,
    peersRead,
    actions: () =>
      entries.map(({ action, status, grantId, subjectUserId }) => [action, status, grantId, subjectUserId]),
    transactions: () => transactions,
    create: (given: Partial<NewGrant> = {}) => createGrant(deps, ACTOR, { ...NEW, ...given }),
    change: (change: Partial<GrantChange>) =>
      changeGrant(deps, ACTOR, GRANT.id, { approveSensitive: false, ...change }),
  };
};

describe('MUTANTS grants a new one', () => {
  it('is pending, as it was asked for, with a key of 32 bytes of its own and a URL', async () => {
    const { create, inserted, tokens, actions } = world();
    const { grant, enrollment } = await create({ expiresAt: after(1) });
    expect(inserted).toEqual([
      { grant: grant.grant, auditKeySealed: '32 bytes for federation_grants/made/audit_key' },
    ]);
    expect(grant).toMatchObject({
      status: 'pending',
      peer: { id: 'peer', name: 'home' },
      grant: {
        id: 'made',
        peerId: 'peer',
        subjectUserId: ALICE,
        status: 'pending',
        version: 1,
        rateLimitPerMinute: 7,
        cacheTtlSeconds: 8,
        auditStrict: true,
        createdAt: NOW,
        activatedAt: null,
        expiresAt: after(1),
        revokedAt: null,
      },
    });
    expect([tokens.length, enrollment.expiresAt]).toEqual([1, after(900_000)]);
    expect(actions()).toEqual([['grant.create', 201, 'made', ALICE]]);
  });

  it('of a peer that somebody else has made meanwhile is tried once more, and of anything else is not', async () => {
    const one = world();
    one.hands.onTransaction = (nth) => {
      if (nth === 1) throw new MosaicError('conflict');
    };
    expect(await codeOf(one.create())).toBeNull();
    expect([one.transactions(), one.inserted.length]).toEqual([2, 1]);
    for (const code of ['conflict', 'database_unavailable'] as const) {
      const other = world();
      other.hands.onTransaction = () => {
        throw new MosaicError(code);
      };
      expect(await codeOf(other.create())).toBe(code);
      expect(other.transactions()).toBe(code === 'conflict' ? 2 : 1);
    }
  });

  it.each<readonly [string, Partial<NewGrant>, string | null]>([
    ['of a user by id', { user: ALICE }, null],
    ['of nobody', { user: 'bob' }, 'invalid_request'],
    ['of nobody’s id', { user: GRANT.id }, 'invalid_request'],
    ['that ends now', { expiresAt: NOW }, 'invalid_request'],
    ['of no scope', { scope: {} }, 'invalid_scope'],
    ['of a secret', { scope: { resources: ['api_keys'], max_rows_per_query: 5 } }, 'sensitive_not_approved'],
  ])('%s', async (_what, given, code) => {
    const { create, inserted } = world();
    expect(await codeOf(create(given))).toBe(code);
    expect(inserted).toHaveLength(code === null ? 1 : 0);
  });

  it('of a secret that was approved is an entry more', async () => {
    const { create, actions } = world();
    await create({ scope: { resources: ['api_keys'], max_rows_per_query: 5 }, approveSensitive: true });
    expect(actions()).toEqual([
      ['grant.create', 201, 'made', ALICE],
      ['grant.sensitive_approved', 200, 'made', ALICE],
    ]);
  });
});

describe('MUTANTS grants shown and changed', () => {
  it('each with its peer, which is read once', async () => {
    const { deps, hands, peersRead } = world();
    const page = await listGrants(deps, { limit: 5, after: null }, {});
    expect(page.items.map(({ grant, status, peer }) => [grant.id, status, peer?.name])).toEqual([
      [GRANT.id, 'active', 'home'],
      ['another', 'active', 'home'],
    ]);
    expect([peersRead, page.next]).toEqual([['peer'], null]);
    expect(await showGrant(deps, GRANT.id)).toMatchObject({
      grant: GRANT,
      status: 'active',
      peer: { name: 'home' },
    });
    hands.peer = null;
    expect((await listGrants(deps, { limit: 5, after: null }, {})).items[0]?.peer).toBeNull();
    hands.found = null;
    expect(await codeOf(showGrant(deps, GRANT.id))).toBe('not_found');
  });

  it.each<readonly [Partial<GrantChange>, GrantPatch]>([
    [{ expiresAt: after(1) }, { expiresAt: after(1) }],
    [{ expiresAt: null }, { expiresAt: null }],
    [{ rateLimitPerMinute: null }, { rateLimitPerMinute: null }],
    [{ cacheTtlSeconds: 0 }, { cacheTtlSeconds: 0 }],
    [{ auditStrict: false }, { auditStrict: false }],
  ])('%j and nothing else', async (change, patch) => {
    const { change: apply, patched, actions } = world();
    expect(await apply(change)).toMatchObject({
      status: 'active',
      peer: { name: 'home' },
      grant: { version: 2 },
    });
    expect(patched).toEqual([[GRANT.id, 1, patch]]);
    expect(actions()).toEqual([['grant.change', 200, GRANT.id, GRANT.subjectUserId]]);
  });

  it('a secret that is let through from now on is approved, and an entry more', async () => {
    const { change, patched, actions } = world();
    const scope = { resources: ['credentials'], max_rows_per_query: 5 };
    expect(await codeOf(change({ scope }))).toBe('sensitive_not_approved');
    expect(patched).toEqual([]);
    expect(await codeOf(change({ scope, approveSensitive: true }))).toBeNull();
    expect(actions().map(([action]) => action)).toEqual(['grant.change', 'grant.sensitive_approved']);
  });

  it.each<readonly [string, Grant | null, Partial<GrantChange>, string | null]>([
    ['nothing', GRANT, {}, 'invalid_request'],
    ['an end that is over', GRANT, { expiresAt: NOW }, 'invalid_request'],
    ['none that is there', null, { auditStrict: true }, 'not_found'],
    ['a pending one', { ...GRANT, status: 'pending' }, { auditStrict: true }, null],
    ['a revoked one', { ...GRANT, status: 'revoked' }, { auditStrict: true }, 'invalid_transition'],
    ['an expired one', { ...GRANT, expiresAt: NOW }, { auditStrict: true }, 'invalid_transition'],
    ['of the version it was made up on', GRANT, { auditStrict: true, version: 1 }, null],
    ['of another version', GRANT, { auditStrict: true, version: 2 }, 'conflict'],
  ])('%s', async (_what, found, change, code) => {
    const one = world();
    one.hands.found = found;
    expect(await codeOf(one.change(change))).toBe(code);
    expect([one.patched.length, one.actions().length]).toEqual(code === null ? [1, 1] : [0, 0]);
  });

  it('one that was changed by somebody else meanwhile is no entry', async () => {
    const one = world();
    one.hands.isOvertaken = true;
    expect(await codeOf(one.change({ auditStrict: true }))).toBe('conflict');
    expect(one.actions()).toEqual([]);
  });
});
