import type { Principal } from '../access/decide.ts';
import type { AskedPeer } from './peers.ts';
import type { Page, PageRequest } from './page.ts';

export interface User {
  readonly id: string;
  /** Unique handle: 1 to 100 characters of `a-z0-9._-`. */
  readonly name: string;
  readonly isAdmin: boolean;
  readonly createdAt: Date;
}

export interface Team {
  readonly id: string;
  /** Unique, same alphabet as a user's name. */
  readonly name: string;
  readonly createdAt: Date;
}

export type TeamRole = 'member' | 'admin';

export interface Membership {
  readonly teamId: string;
  readonly userId: string;
  readonly role: TeamRole;
  readonly createdAt: Date;
}

export interface ApiToken {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly access: 'read' | 'write';
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface UserStore {
  /** @throws MosaicError `conflict` when the name is taken */
  insert(user: User): Promise<void>;
  /** Inserts only when no user exists at all; one winner among concurrent calls. Needs a transaction. */
  insertFirst(user: User): Promise<boolean>;
  byId(id: string): Promise<User | null>;
  byName(name: string): Promise<User | null>;
  list(page: PageRequest): Promise<Page<User>>;
  /**
   * Deletes the user with personal rows, memberships and tokens; the user's team rows stay without an owner.
   * A database trigger revokes the grants of that subject; grant and audit rows stay (SPEC M2, M6-2).
   * Needs an admin transaction.
   */
  delete(id: string): Promise<boolean>;
}

/** Membership methods and `delete` need an admin transaction: row-level security hides other people's memberships. */
export interface TeamStore {
  insert(team: Team): Promise<void>;
  byId(id: string): Promise<Team | null>;
  byName(name: string): Promise<Team | null>;
  list(page: PageRequest): Promise<Page<Team>>;
  /** Deletes the team, its memberships and its rows. */
  delete(id: string): Promise<boolean>;
  putMember(membership: Membership): Promise<void>;
  removeMember(teamId: string, userId: string): Promise<boolean>;
  members(teamId: string): Promise<readonly Membership[]>;
  membershipsOf(userId: string): Promise<readonly Membership[]>;
}

/** Somebody who may ask peers, and the peers as they are at this moment, in no order. */
export interface Asker {
  readonly principal: Principal;
  readonly peers: readonly AskedPeer[];
}

export interface TokenStore {
  /** @param hash SHA-256 of the token's text, lower-case hexadecimal; the text is stored nowhere */
  insert(token: ApiToken, hash: string): Promise<void>;
  /** The person behind a token that is neither revoked nor expired at `now`. */
  principal(hash: string, now: Date): Promise<Principal | null>;
  /** The same, with the peers that the person may ask: one statement for both. */
  asker(hash: string, now: Date): Promise<Asker | null>;
  list(page: PageRequest, userId?: string): Promise<Page<ApiToken>>;
  revoke(id: string, at: Date): Promise<boolean>;
}
