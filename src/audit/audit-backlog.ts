import type { Linked } from '../../domain/audit/chain.ts';
import { classOf } from '../../domain/audit/entry.ts';

/** The entries that wait, oldest first; bounded. */
export interface AuditBacklog {
  /** Entries that wait, those being written included. */
  readonly size: number;
  /** Entries that ever came in, and how many of the oldest of them have left. */
  readonly entered: number;
  readonly left: number;
  /**
   * Puts an entry at the end. When all places are taken an allowed entry gives way, the newest one, to one that
   * tells of a denial, an error or a change (these are dropped last).
   * @returns what had to go: another entry, this one, or null
   */
  add(linked: Linked): Linked | null;
  /** Up to `count` of the oldest; they stay until `leave`, and nothing makes them give way meanwhile. */
  take(count: number): readonly Linked[];
  /** The `count` oldest are settled. */
  leave(count: number): void;
  /** Takes an entry out, unless it is being written or gone. */
  withdraw(linked: Linked): boolean;
  /** Takes everything out. */
  clear(): readonly Linked[];
}

export const createAuditBacklog = (capacity: number): AuditBacklog => {
  /** null: gave way. */
  let slots: (Linked | null)[] = [];
  /** Number of the first slot, counted from the start of the process. */
  let first = 0;
  let size = 0;
  /** Slots at the front that are being written. */
  let busy = 0;
  /** Numbers of the slots of allowed entries, the newest last. */
  let allowed: number[] = [];

  const evict = (): Linked | null => {
    while (allowed.length > 0) {
      const number = allowed.pop() ?? 0;
      if (number < first + busy) {
        allowed.push(number);
        return null;
      }
      const found = slots[number - first] ?? null;
      if (found === null) continue;
      slots[number - first] = null;
      return found;
    }
    return null;
  };

  /** What gave way holds no place in front. */
  const trim = (): void => {
    let gone = 0;
    while (gone < slots.length && (slots[gone] ?? null) === null) gone += 1;
    if (gone === 0) return;
    slots.splice(0, gone);
    first += gone;
    busy = Math.max(0, busy - gone);
  };

  const push = (linked: Linked): void => {
    if (classOf(linked.entry) === 'allowed') {
      // Numbers of entries that left long ago.
      if (allowed.length > 2 * capacity) allowed = allowed.filter((number) => number >= first);
      allowed.push(first + slots.length);
    }
    slots.push(linked);
  };

  return {
    get size() {
      return size;
    },
    get entered() {
      return first + slots.length;
    },
    get left() {
      return first;
    },

    add: (linked) => {
      if (size < capacity) {
        size += 1;
        push(linked);
        return null;
      }
      if (classOf(linked.entry) === 'allowed') return linked;
      const evicted = evict();
      if (evicted === null) return linked;
      push(linked);
      trim();
      return evicted;
    },

    take: (count) => {
      const taken: Linked[] = [];
      busy = 0;
      while (taken.length < count && busy < slots.length) {
        const linked = slots[busy] ?? null;
        busy += 1;
        if (linked !== null) taken.push(linked);
      }
      return taken;
    },

    leave: (count) => {
      let left = count;
      let span = 0;
      while (span < slots.length && left > 0) {
        if ((slots[span] ?? null) !== null) left -= 1;
        span += 1;
      }
      slots.splice(0, span);
      first += span;
      size -= count - left;
      busy = Math.max(0, busy - span);
      trim();
      if (slots.length === 0) allowed = [];
    },

    withdraw: (linked) => {
      const at = slots.lastIndexOf(linked);
      if (at < busy) return false;
      slots[at] = null;
      size -= 1;
      trim();
      return true;
    },

    clear: () => {
      const rest = slots.filter((linked) => linked !== null);
      first += slots.length;
      slots = [];
      size = 0;
      busy = 0;
      allowed = [];
      return rest;
    },
  };
};
