import { MosaicError } from '../../domain/errors.ts';
import type { ApiToken, User } from '../../domain/ports/directory.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { adminChange } from '../audit/admin-change.ts';
import { hashToken, newTokenText } from './tokens-text.ts';

export interface Bootstrapped {
  readonly user: User;
  readonly token: ApiToken;
  /** Shown once. */
  readonly text: string;
}

/**
 * Creates the first administrator and a token for that person, once and for all: whoever loses the race, or
 * comes later, is refused.
 * @throws MosaicError `already_bootstrapped`
 */
export const bootstrap = async (
  deps: Deps,
  input: { readonly name: string },
  traceId: string,
): Promise<Bootstrapped> => {
  const at = deps.clock.now();
  const user: User = { id: deps.ids.uuid(), name: input.name, isAdmin: true, createdAt: at };
  const text = newTokenText(deps.random, deps.keys.cursorMac);
  const token: ApiToken = {
    id: deps.ids.uuid(),
    userId: user.id,
    name: 'bootstrap',
    access: 'write',
    createdAt: at,
    expiresAt: null,
    revokedAt: null,
  };
  const actor: Actor = { principal: { userId: user.id, isAdmin: true, access: 'write' }, traceId };
  const change = { action: 'bootstrap.setup', status: 201, subjectUserId: user.id };
  await adminChange(deps, actor, change, async (stores) => {
    if (!(await stores.users.insertFirst(user))) throw new MosaicError('already_bootstrapped');
    await stores.tokens.insert(token, hashToken(text));
  });
  return { user, token, text };
};
