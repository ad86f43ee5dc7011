import { err, ok, type Result } from '../result.ts';
import type { Resource } from '../resources.ts';
import type { Principal } from './decide.ts';

export type WriteAction = 'create' | 'update' | 'delete';

/**
 * Proof that a person may try to write a resource at the own gateway. Which rows that reaches is decided in
 * SQL under row-level security: own personal rows and rows of the person's teams; deleting a team's row takes
 * its author or an admin of that team.
 */
class Writing {
  readonly #proof = true;
  readonly userId: string;
  readonly resource: Resource;
  readonly action: WriteAction;

  constructor(userId: string, resource: Resource, action: WriteAction) {
    this.userId = userId;
    this.resource = resource;
    this.action = action;
    Object.freeze(this);
  }

  static isGenuine(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #proof in value && value.#proof;
  }
}

export type AuthorizedWrite = Writing;

export const decideWrite = (
  principal: Principal,
  resource: Resource,
  action: WriteAction,
): Result<AuthorizedWrite, 'read_only_token'> =>
  principal.access === 'write' ? ok(new Writing(principal.userId, resource, action)) : err('read_only_token');

/** Stores call this first: a value that only looks right (a cast, JSON) throws. */
export const assertAuthorizedWrite = (write: unknown): void => {
  if (!Writing.isGenuine(write)) throw new TypeError('not an AuthorizedWrite made by decideWrite()');
};
