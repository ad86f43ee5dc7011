import type { Stores } from '../../domain/ports/storage.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { changeEntry, type Change } from './audit.ts';

/** Row-level security hides other people's memberships from everyone but the administrating role. */
export const AS_ADMIN = { asAdmin: true } as const;

export type AdminChange = Omit<Change, 'verb'>;

/** Makes an administrator's change and leaves its audit entry (SPEC M2): both, or neither. */
export const adminChange = <T>(
  deps: Deps,
  actor: Actor,
  change: AdminChange,
  work: (stores: Stores) => Promise<T>,
): Promise<T> =>
  deps.storage.transaction(async (stores) => {
    const value = await work(stores);
    await stores.audit.insertMany([changeEntry(deps, actor, { ...change, verb: 'admin' })]);
    return value;
  }, AS_ADMIN);
