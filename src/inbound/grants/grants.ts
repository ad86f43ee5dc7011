import { MosaicError, type Issue } from '../../../domain/errors.ts';
import { effectiveStatus, type Grant, type GrantStatus } from '../../../domain/grants/grant.ts';
import type { User } from '../../../domain/ports/directory.ts';
import type { GrantFilter, GrantPatch } from '../../../domain/ports/grants.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { Page, PageRequest } from '../../../domain/ports/page.ts';
import type { Stores } from '../../../domain/ports/storage.ts';
import { parseScope, sensitiveResources } from '../../../domain/scope/parse.ts';
import type { Scope } from '../../../domain/scope/scope.ts';
import { isUuid } from '../../../domain/uuid.ts';
import type { InboundDeps } from '../deps.ts';
import type { Actor } from '../../kernel/actor.ts';
import { changeEntry } from '../../audit/audit.ts';
import { prepareEnrollment, type Enrollment } from '../enrollment/enrollment.ts';
import { inboundPeerFor } from '../peers/peers-inbound.ts';

export interface NewGrant {
  /** Id or name of the user whose data may be read. */
  readonly user: string;
  /** Name of the inbound peer; it is made, pending, when there is none of that name. */
  readonly peer: string;
  /** As the administrator wrote it, not parsed yet. */
  readonly scope: unknown;
  readonly approveSensitive: boolean;
  readonly expiresAt: Date | null;
  readonly rateLimitPerMinute: number | null;
  /** Seconds an answer may be cached at the asking gateway; 0: not at all, null: the default. */
  readonly cacheTtlSeconds: number | null;
  readonly auditStrict: boolean;
}

export interface GrantChange {
  readonly scope?: unknown;
  readonly approveSensitive: boolean;
  readonly expiresAt?: Date | null;
  readonly rateLimitPerMinute?: number | null;
  readonly cacheTtlSeconds?: number | null;
  readonly auditStrict?: boolean;
  /** The version the change was made up on; a clash with a newer one is refused. */
  readonly version?: number;
}

/** A grant with what a person wants to see beside it; `status` as of now. */
export interface GrantView {
  readonly grant: Grant;
  readonly status: GrantStatus;
  readonly peer: Pick<Peer, 'id' | 'name'> | null;
}

const AUDIT_KEY_BYTES = 32;

const refuseInput = (issue: Issue): never => {
  throw new MosaicError('invalid_request', { issues: [issue] });
};

/** @throws MosaicError `invalid_scope`, `sensitive_not_approved` */
const checkScope = (input: unknown, approveSensitive: boolean): Scope => {
  const parsed = parseScope(input);
  if (!parsed.ok) throw new MosaicError('invalid_scope', { issues: parsed.error });
  const sensitive = sensitiveResources(parsed.value);
  if (sensitive.length > 0 && !approveSensitive) {
    throw new MosaicError('sensitive_not_approved', { detail: `Sensitive: ${sensitive.join(', ')}.` });
  }
  return parsed.value;
};

const checkExpiry = (expiresAt: Date | null | undefined, now: Date): void => {
  if (expiresAt instanceof Date && expiresAt <= now) {
    refuseInput({ path: 'expires_at', message: 'is in the past', expected: 'a time to come' });
  }
};

const findUser = async (stores: Stores, idOrName: string): Promise<User> =>
  (isUuid(idOrName) ? await stores.users.byId(idOrName) : await stores.users.byName(idOrName)) ??
  refuseInput({
    path: 'user',
    message: 'there is no such user',
    expected: 'the id or name of a user of this gateway',
  });

/** One more entry where a person said yes to a sensitive resource. */
const approvals = (deps: InboundDeps, actor: Actor, grant: Grant, scope: Scope | undefined) =>
  scope === undefined || sensitiveResources(scope).length === 0
    ? []
    : [entryFor(deps, actor, grant, 'grant.sensitive_approved', 200)];

const entryFor = (deps: InboundDeps, actor: Actor, grant: Grant, action: string, status: number) =>
  changeEntry(deps, actor, {
    verb: 'admin',
    action,
    status,
    grantId: grant.id,
    peerId: grant.peerId,
    subjectUserId: grant.subjectUserId,
  });

const view = (deps: InboundDeps, grant: Grant, peer: Pick<Peer, 'id' | 'name'> | null): GrantView => ({
  grant,
  status: effectiveStatus(grant, deps.clock.now()),
  peer,
});

/**
 * Creates a pending grant, the inbound peer when it is new, and the URL to enroll with.
 *
 * @throws MosaicError `invalid_request`, `invalid_scope`, `sensitive_not_approved`, `invalid_transition` (the
 *   peer is suspended or revoked), `ca_unavailable`
 */
export const createGrant = async (
  deps: InboundDeps,
  actor: Actor,
  input: NewGrant,
): Promise<{ readonly grant: GrantView; readonly enrollment: Enrollment }> => {
  const scope = checkScope(input.scope, input.approveSensitive);
  checkExpiry(input.expiresAt, deps.clock.now());
  const id = deps.ids.uuid();
  const auditKeySealed = await deps.sealer.seal(
    deps.random.bytes(AUDIT_KEY_BYTES),
    `federation_grants/${id}/audit_key`,
  );
  const prepared = await prepareEnrollment(deps);
  const create = async (stores: Stores): Promise<GrantView> => {
    const user = await findUser(stores, input.user);
    const peer = await inboundPeerFor(deps, stores, input.peer);
    const grant: Grant = {
      id,
      peerId: peer.id,
      subjectUserId: user.id,
      scope,
      status: 'pending',
      version: 1,
      rateLimitPerMinute: input.rateLimitPerMinute,
      cacheTtlSeconds: input.cacheTtlSeconds,
      auditStrict: input.auditStrict,
      createdAt: deps.clock.now(),
      activatedAt: null,
      expiresAt: input.expiresAt,
      revokedAt: null,
      revokedReason: null,
    };
    await stores.grants.insert({ grant, auditKeySealed });
    await prepared.store(stores, id);
    const entries = [
      entryFor(deps, actor, grant, 'grant.create', 201),
      ...approvals(deps, actor, grant, scope),
    ];
    await stores.audit.insertMany(entries);
    return view(deps, grant, peer);
  };
  const grant = await deps.storage.transaction(create).catch((error: unknown) => {
    // Two first grants of one new peer at once: the other one made the peer, so it is there now.
    if (error instanceof MosaicError && error.code === 'conflict') return deps.storage.transaction(create);
    throw error;
  });
  return { grant, enrollment: prepared.enrollment };
};

/** @throws MosaicError `not_found` */
export const showGrant = async (deps: InboundDeps, id: string): Promise<GrantView> => {
  const record = await deps.storage.stores.grants.byId(id);
  if (record === null) throw new MosaicError('not_found');
  return view(deps, record.grant, await deps.storage.stores.peers.byId(record.grant.peerId));
};

export const listGrants = async (
  deps: InboundDeps,
  page: PageRequest,
  filter: GrantFilter,
): Promise<Page<GrantView>> => {
  const { items, next } = await deps.storage.stores.grants.list(page, filter);
  const peers = new Map<string, Peer | null>();
  for (const id of new Set(items.map((grant) => grant.peerId)))
    peers.set(id, await deps.storage.stores.peers.byId(id));
  return { items: items.map((grant) => view(deps, grant, peers.get(grant.peerId) ?? null)), next };
};

/**
 * Changes a pending or active grant; the very next request of the peer is decided on what it says then.
 *
 * @throws MosaicError `not_found`, `invalid_request`, `invalid_scope`, `sensitive_not_approved`,
 *   `invalid_transition` (revoked or expired), `conflict` (someone else changed it meanwhile)
 */
export const changeGrant = async (
  deps: InboundDeps,
  actor: Actor,
  id: string,
  change: GrantChange,
): Promise<GrantView> => {
  const scope = change.scope === undefined ? undefined : checkScope(change.scope, change.approveSensitive);
  checkExpiry(change.expiresAt, deps.clock.now());
  const patch: GrantPatch = {
    ...(scope === undefined ? {} : { scope }),
    ...(change.expiresAt === undefined ? {} : { expiresAt: change.expiresAt }),
    ...(change.rateLimitPerMinute === undefined ? {} : { rateLimitPerMinute: change.rateLimitPerMinute }),
    ...(change.cacheTtlSeconds === undefined ? {} : { cacheTtlSeconds: change.cacheTtlSeconds }),
    ...(change.auditStrict === undefined ? {} : { auditStrict: change.auditStrict }),
  };
  if (Object.keys(patch).length === 0)
    refuseInput({ path: '$', message: 'changes nothing', expected: 'at least one field' });
  return deps.storage.transaction(async (stores) => {
    const found = (await stores.grants.byId(id))?.grant;
    if (found === undefined) throw new MosaicError('not_found');
    const status = effectiveStatus(found, deps.clock.now());
    if (status !== 'pending' && status !== 'active') {
      throw new MosaicError('invalid_transition', { detail: `The grant is ${status}.` });
    }
    const expected = change.version ?? found.version;
    const grant = expected === found.version ? await stores.grants.patch(id, expected, patch) : null;
    if (grant === null)
      throw new MosaicError('conflict', { detail: 'The grant was changed by another request.' });
    await stores.audit.insertMany([
      entryFor(deps, actor, grant, 'grant.change', 200),
      ...approvals(deps, actor, grant, scope),
    ]);
    return view(deps, grant, await stores.peers.byId(grant.peerId));
  });
};
