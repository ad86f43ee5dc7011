import { MosaicError } from '../../domain/errors.ts';
import type { ApiToken } from '../../domain/ports/directory.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { adminChange } from '../audit/admin-change.ts';
import { hashToken, newTokenText } from './tokens-text.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export interface NewToken {
  readonly userId: string;
  readonly name: string;
  readonly access: 'read' | 'write';
  /** null: until it is revoked. */
  readonly expiresInDays: number | null;
}

/**
 * Makes a token for a person. Only its hash is stored; the text is in this answer and nowhere else.
 * @throws MosaicError `not_found` when there is no such user
 */
export const createToken = async (
  deps: Deps,
  actor: Actor,
  { userId, name, access, expiresInDays }: NewToken,
): Promise<{ readonly token: ApiToken; readonly text: string }> => {
  const text = newTokenText(deps.random, deps.keys.cursorMac);
  const createdAt = deps.clock.now();
  const token: ApiToken = {
    id: deps.ids.uuid(),
    userId,
    name,
    access,
    createdAt,
    expiresAt: expiresInDays === null ? null : new Date(createdAt.getTime() + expiresInDays * DAY_MS),
    revokedAt: null,
  };
  const change = { action: 'token.create', status: 201, subjectUserId: userId };
  await adminChange(deps, actor, change, async (stores) => {
    if ((await stores.users.byId(userId)) === null) {
      throw new MosaicError('not_found', { detail: 'There is no such user.' });
    }
    await stores.tokens.insert(token, hashToken(text));
  });
  return { token, text };
};

export const listTokens = (deps: Deps, page: PageRequest, userId?: string): Promise<Page<ApiToken>> =>
  deps.storage.stores.tokens.list(page, userId);

/** @throws MosaicError `not_found` when there is no such token, or it is revoked already */
export const revokeToken = async (deps: Deps, actor: Actor, id: string): Promise<void> => {
  await adminChange(deps, actor, { action: 'token.revoke', status: 204 }, async (stores) => {
    if (!(await stores.tokens.revoke(id, deps.clock.now()))) throw new MosaicError('not_found');
  });
};
