import { MosaicError } from '../../domain/errors.ts';
import type { Grant } from '../../domain/grants/grant.ts';
import type { User } from '../../domain/ports/directory.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { Stores } from '../../domain/ports/storage.ts';
import type { InboundDeps } from '../inbound/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { adminChange, AS_ADMIN } from '../audit/admin-change.ts';
import { changeEntry } from '../audit/audit.ts';
import { concludeRevocation } from '../inbound/revocation/revocation.ts';

const GRANTS_A_PAGE = 200;

/** @throws MosaicError `conflict` when the name is taken */
export const createUser = async (
  deps: InboundDeps,
  actor: Actor,
  input: { readonly name: string; readonly isAdmin: boolean },
): Promise<User> => {
  const user: User = { id: deps.ids.uuid(), ...input, createdAt: deps.clock.now() };
  const change = { action: 'user.create', status: 201, subjectUserId: user.id };
  await adminChange(deps, actor, change, (stores) => stores.users.insert(user));
  return user;
};

export const listUsers = (deps: InboundDeps, page: PageRequest): Promise<Page<User>> =>
  deps.storage.stores.users.list(page);

/** @throws MosaicError `not_found` */
export const getUser = async (deps: InboundDeps, id: string): Promise<User> => {
  const user = await deps.storage.stores.users.byId(id);
  if (user === null) throw new MosaicError('not_found');
  return user;
};

/** The grants of a person that are not revoked yet. */
const openGrants = async (stores: Stores, subjectUserId: string): Promise<readonly Grant[]> => {
  const open: Grant[] = [];
  let after: PageRequest['after'] = null;
  do {
    const page = await stores.grants.list({ limit: GRANTS_A_PAGE, after }, { subjectUserId });
    open.push(...page.items.filter(({ status }) => status !== 'revoked'));
    after = page.next;
  } while (after !== null);
  return open;
};

/**
 * Deletes a person with personal rows, memberships and tokens. The database revokes the person's grants in
 * the same transaction (SPEC M6-2); each leaves its own audit entry.
 * @throws MosaicError `not_found`; `conflict` for the own account, so that an administrator always remains
 */
export const deleteUser = async (deps: InboundDeps, actor: Actor, id: string): Promise<void> => {
  if (id === actor.principal.userId) {
    throw new MosaicError('conflict', {
      detail: 'You cannot delete your own account. Ask another administrator to delete it.',
    });
  }
  const change = { status: 204, subjectUserId: id } as const;
  const revoked = await deps.storage.transaction(async (stores) => {
    const grants = await openGrants(stores, id);
    if (!(await stores.users.delete(id))) throw new MosaicError('not_found');
    // Deletions wait for each other, so of two administrators who delete each other at once the second finds this.
    if ((await stores.users.byId(actor.principal.userId)) === null) {
      throw new MosaicError('conflict', { detail: 'Your own account was deleted while this request ran.' });
    }
    await stores.audit.insertMany([
      changeEntry(deps, actor, { ...change, verb: 'admin', action: 'user.delete' }),
      ...grants.map((grant) =>
        changeEntry(deps, actor, {
          ...change,
          verb: 'revoke',
          action: 'grant.revoke',
          grantId: grant.id,
          peerId: grant.peerId,
        }),
      ),
    ]);
    return grants;
  }, AS_ADMIN);
  if (revoked.length > 0) await concludeRevocation(deps);
};
