import type { ErrorCode } from '../errors.ts';
import { effectiveStatus, type Grant } from '../grants/grant.ts';
import type { CursorPosition } from '../paging/cursor.ts';
import type { CertificateIdentity } from '../peers/identity.ts';
import { err, ok, type Result } from '../result.ts';
import type { Resource } from '../resources.ts';
import { narrow, reachableResources } from '../scope/narrow.ts';
import { SEARCHABLE, type HitPosition } from '../search/hit.ts';
import type { GrantFence, ReadTarget, ReadTerms, SearchReach } from './terms.ts';

/**
 * The proof that a read was decided. A resource store accepts nothing else, and only this module can
 * make one: the class is nominal (a private field), not exported, and its instances are frozen.
 */
class Authorized<T extends ReadTarget> {
  readonly #proof = true;
  readonly terms: ReadTerms<T>;

  constructor(terms: ReadTerms<T>) {
    this.terms = Object.freeze({ ...terms, target: Object.freeze({ ...terms.target }) });
    Object.freeze(this);
  }

  static isGenuine(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #proof in value && value.#proof;
  }
}

export type AuthorizedRead<T extends ReadTarget = ReadTarget> = Authorized<T>;
export type AuthorizedList = AuthorizedRead<Extract<ReadTarget, { verb: 'list' }>>;
export type AuthorizedGet = AuthorizedRead<Extract<ReadTarget, { verb: 'get' }>>;
export type AuthorizedSearch = AuthorizedRead<Extract<ReadTarget, { verb: 'search' }>>;
export type AuthorizedCapabilities = AuthorizedRead<Extract<ReadTarget, { verb: 'capabilities' }>>;

/** Stores call this first: a value that only looks right (a cast, JSON) throws. */
export const assertAuthorized = (read: unknown): void => {
  if (!Authorized.isGenuine(read)) throw new TypeError('not an AuthorizedRead made by decide()');
};

export interface ListQuery {
  readonly resource: Resource;
  /** Rows asked for; capped by the scope. */
  readonly limit: number;
  readonly after: CursorPosition | null;
}

export interface GetQuery {
  readonly resource: Resource;
  readonly id: string;
}

export interface SearchQuery {
  readonly query: string;
  /** What to search; null: all that may be. */
  readonly resources: readonly Resource[] | null;
  /** Hits asked for; capped by the scope. */
  readonly limit: number;
  readonly after: HitPosition | null;
}

export type Denial = Extract<
  ErrorCode,
  | 'grant_unknown'
  | 'grant_pending'
  | 'grant_revoked'
  | 'grant_expired'
  | 'grant_subject_mismatch'
  | 'certificate_revoked'
  | 'resource_excluded'
  | 'resource_not_granted'
>;

const STATUS_DENIAL = {
  pending: 'grant_pending',
  revoked: 'grant_revoked',
  expired: 'grant_expired',
} as const;

const fenceFor = (
  grant: Grant | null,
  identity: CertificateIdentity,
  now: Date,
  revocationEpoch: number,
): Result<GrantFence, Denial> => {
  if (grant === null || grant.id !== identity.grantId) return err('grant_unknown');
  const status = effectiveStatus(grant, now);
  if (status !== 'active') return err(STATUS_DENIAL[status]);
  if (grant.subjectUserId !== identity.subjectUserId) return err('grant_subject_mismatch');
  return ok({
    grantId: grant.id,
    grantVersion: grant.version,
    subjectUserId: grant.subjectUserId,
    certificateSerial: identity.serial,
    certificateFingerprint: identity.fingerprint,
    revocationEpoch,
  });
};

const frozen = (reaches: readonly SearchReach[]): readonly SearchReach[] =>
  Object.freeze(reaches.map((reach) => Object.freeze(reach)));

/**
 * Decides a peer's request: pure and total. The success value carries a fence, so the statement that reads
 * rows checks again that the grant and the certificate are what this decision was made on. `revocationEpoch` is the highest
 * that this process knows of: a database that was put back to an earlier one reads nothing.
 */
export const decide = {
  capabilities: (
    grant: Grant | null,
    identity: CertificateIdentity,
    now: Date,
    revocationEpoch = 0,
  ): Result<AuthorizedCapabilities, Denial> => {
    const fence = fenceFor(grant, identity, now, revocationEpoch);
    if (!fence.ok) return fence;
    return ok(
      new Authorized({
        subjectUserId: fence.value.subjectUserId,
        target: { verb: 'capabilities' },
        personal: false,
        teams: [],
        fence: fence.value,
      }),
    );
  },

  list: (
    grant: Grant | null,
    identity: CertificateIdentity,
    query: ListQuery,
    now: Date,
    revocationEpoch = 0,
  ): Result<AuthorizedList, Denial> => {
    const fence = fenceFor(grant, identity, now, revocationEpoch);
    if (!fence.ok || grant === null) return fence.ok ? err('grant_unknown') : fence;
    const narrowed = narrow(grant.scope, query.resource);
    if (!narrowed.allowed) return err(narrowed.code);
    const { personal, teams, maxRows } = narrowed.reach;
    const limit = Math.min(query.limit, maxRows);
    return ok(
      new Authorized({
        subjectUserId: grant.subjectUserId,
        target: { verb: 'list', resource: query.resource, limit, after: query.after },
        personal,
        teams,
        fence: fence.value,
      }),
    );
  },

  get: (
    grant: Grant | null,
    identity: CertificateIdentity,
    query: GetQuery,
    now: Date,
    revocationEpoch = 0,
  ): Result<AuthorizedGet, Denial> => {
    const fence = fenceFor(grant, identity, now, revocationEpoch);
    if (!fence.ok || grant === null) return fence.ok ? err('grant_unknown') : fence;
    const narrowed = narrow(grant.scope, query.resource);
    if (!narrowed.allowed) return err(narrowed.code);
    const { personal, teams } = narrowed.reach;
    return ok(
      new Authorized({
        subjectUserId: grant.subjectUserId,
        target: { verb: 'get', resource: query.resource, id: query.id },
        personal,
        teams,
        fence: fence.value,
      }),
    );
  },

  /** One resource that may not be read refuses the whole search, as listing it would; none named: what may be. */
  search: (
    grant: Grant | null,
    identity: CertificateIdentity,
    { query, resources, limit, after }: SearchQuery,
    now: Date,
    revocationEpoch = 0,
  ): Result<AuthorizedSearch, Denial> => {
    const fence = fenceFor(grant, identity, now, revocationEpoch);
    if (!fence.ok || grant === null) return fence.ok ? err('grant_unknown') : fence;
    const { scope } = grant;
    const reachable = reachableResources(scope).filter((resource) => SEARCHABLE.includes(resource));
    // A scope that lets nothing through at all refuses as its first resource would.
    const wanted = resources ?? (reachable.length > 0 ? reachable : scope.resources);
    const within: SearchReach[] = [];
    for (const resource of new Set(wanted)) {
      const narrowed = narrow(scope, resource);
      if (!narrowed.allowed) return err(narrowed.code);
      within.push({ resource, personal: narrowed.reach.personal, teams: narrowed.reach.teams });
    }
    if (within.length === 0) return err('resource_not_granted');
    return ok(
      new Authorized({
        subjectUserId: grant.subjectUserId,
        target: {
          verb: 'search',
          query,
          within: frozen(within),
          limit: Math.min(limit, scope.max_rows_per_query),
          after,
        },
        personal: false,
        teams: [],
        fence: fence.value,
      }),
    );
  },
} as const;

/** A person who authenticated at this very gateway. */
export interface Principal {
  readonly userId: string;
  readonly isAdmin: boolean;
  readonly access: 'read' | 'write';
}

/** Native reads: own personal rows and rows of all teams the person is a member of (SPEC M3 "Native RBAC"). */
export const decideNative = {
  list: (principal: Principal, query: ListQuery): AuthorizedList =>
    new Authorized({
      subjectUserId: principal.userId,
      target: { verb: 'list', resource: query.resource, limit: query.limit, after: query.after },
      personal: true,
      teams: 'all',
      fence: null,
    }),
  get: (principal: Principal, query: GetQuery): AuthorizedGet =>
    new Authorized({
      subjectUserId: principal.userId,
      target: { verb: 'get', resource: query.resource, id: query.id },
      personal: true,
      teams: 'all',
      fence: null,
    }),
  search: (principal: Principal, { query, resources, limit, after }: SearchQuery): AuthorizedSearch =>
    new Authorized({
      subjectUserId: principal.userId,
      target: {
        verb: 'search',
        query,
        within: frozen(
          [...new Set(resources ?? SEARCHABLE)].map((resource) => ({
            resource,
            personal: true,
            teams: 'all',
          })),
        ),
        limit,
        after,
      },
      personal: false,
      teams: [],
      fence: null,
    }),
} as const;
