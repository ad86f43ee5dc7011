import { LRUCache } from 'lru-cache';
import type { Grant } from '../../../domain/grants/grant.ts';
import type { Mac } from '../../../domain/paging/cursor.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { Deps } from '../../app/deps.ts';

/** A grant as it was read a moment ago, with what a request needs beside it. */
export interface GrantSnapshot {
  /** null when there is no grant of that id. */
  readonly grant: Grant | null;
  readonly peer: Peer | null;
  /** Hashes queries under the grant's own key; the gateway's where no grant is known. */
  readonly auditMac: Mac;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

export interface GrantCache {
  /** At most `TTL_MS` old. Not a promise when it is at hand, so that the usual request does not wait a turn. */
  get(id: string): GrantSnapshot | Promise<GrantSnapshot>;
  /** Reads it again, after now; callers that wait at the same time share one reading, so that a flood costs one. */
  reload(id: string): Promise<GrantSnapshot>;
}

/**
 * How old a snapshot may be does not matter for what is answered: the reading statement demands its version and a
 * peer in use, and who is over the limit is told so by a newer one only. It bounds how long one is kept for nothing.
 */
const TTL_MS = 1_000;
const MAX_GRANTS = 10_000;

type CacheDeps = Pick<Deps, 'storage' | 'sealer' | 'keys' | 'clock'>;

/** Grants by id, short-lived and bounded, with their audit keys unsealed once. */
export const createGrantCache = (deps: CacheDeps): GrantCache => {
  const snapshots = new LRUCache<string, GrantSnapshot>({ max: MAX_GRANTS });
  const macs = new LRUCache<string, { readonly sealed: string; readonly mac: Mac }>({ max: MAX_GRANTS });
  const shareable = new Map<string, Promise<GrantSnapshot>>();
  const running = new Map<string, Promise<void>>();
  const next = new Map<string, Promise<GrantSnapshot>>();

  const macOf = async (id: string, sealed: string): Promise<Mac> => {
    const known = macs.get(id);
    if (known?.sealed === sealed) return known.mac;
    const mac = deps.keys.macWith(await deps.sealer.open(sealed, `federation_grants/${id}/audit_key`));
    macs.set(id, { sealed, mac });
    return mac;
  };

  const read = async (id: string): Promise<GrantSnapshot> => {
    const readAt = deps.clock.now().getTime();
    const record = await deps.storage.stores.grants.byId(id);
    const snapshot: GrantSnapshot =
      record === null
        ? { grant: null, peer: null, auditMac: deps.keys.auditMac, readAt }
        : {
            grant: record.grant,
            peer: await deps.storage.stores.peers.byId(record.grant.peerId),
            auditMac: await macOf(id, record.auditKeySealed),
            readAt,
          };
    snapshots.set(id, snapshot);
    return snapshot;
  };

  const shared = (id: string): Promise<GrantSnapshot> => {
    const known = shareable.get(id);
    if (known !== undefined) return known;
    const started = read(id).finally(() => shareable.delete(id));
    shareable.set(id, started);
    return started;
  };

  return {
    get: (id) => {
      const known = snapshots.get(id);
      const age = known === undefined ? Infinity : deps.clock.now().getTime() - known.readAt;
      return known !== undefined && age >= 0 && age < TTL_MS ? known : shared(id);
    },
    reload: (id) => {
      const waiting = next.get(id);
      if (waiting !== undefined) return waiting;
      // One that runs already may have begun before the change that is looked for, so it is waited for, not shared.
      const begun = (running.get(id) ?? Promise.resolve()).then(() => {
        next.delete(id);
        const reading = read(id);
        const ended = reading.then(
          () => undefined,
          () => undefined,
        );
        running.set(id, ended);
        void ended.then(() => running.get(id) === ended && running.delete(id));
        return reading;
      });
      next.set(id, begun);
      return begun;
    },
  };
};
