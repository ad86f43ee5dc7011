import { DatabaseFault } from './errors.ts';

/** What somebody wants a connection for. */
export interface Wish {
  /** For itself. */
  readonly isAlone: boolean;
  /** Only one that was opened after that moment of `performance.now()`. */
  readonly bornAfter: number;
}

/** Every connection is newer. */
export const ANY_AGE = -Infinity;

interface Waiter<T> extends Wish {
  /** Takes it out as well. */
  readonly resolve: (granted: T) => void;
}

/** Those who wait for a connection, first come, first served. Who waited too long is taken out, and never runs. */
export interface Waiting<T> {
  readonly size: number;
  /** Rejects at once when the queue is full, and when nothing came within `limitMs`. */
  push(wish: Wish, limitMs: number): Promise<T>;
  /** In their order; who gets something meanwhile is left out. */
  all(): Iterable<Waiter<T>>;
  /** @param which absent: all */
  reject(error: Error, which?: (wish: Wish) => boolean): void;
}

export const createWaiting = <T>(limit: number, full: () => Error): Waiting<T> => {
  // A Set keeps the order of insertion, and gives up one from its middle at no cost.
  const waiters = new Set<Waiter<T> & { readonly reject: (error: Error) => void }>();
  return {
    get size() {
      return waiters.size;
    },
    push: (wish, limitMs) => {
      if (waiters.size >= limit) return Promise.reject(full());
      return new Promise<T>((resolve, reject) => {
        const waiter = {
          ...wish,
          resolve: (granted: T): void => {
            clearTimeout(timer);
            waiters.delete(waiter);
            resolve(granted);
          },
          reject: (error: Error): void => {
            clearTimeout(timer);
            waiters.delete(waiter);
            reject(error);
          },
        };
        const timer = setTimeout(
          () => waiter.reject(new DatabaseFault('DEADLINE', `no connection within ${limitMs} ms`)),
          limitMs,
        );
        waiters.add(waiter);
      });
    },
    all: () => waiters,
    reject: (error, which = () => true) => {
      for (const waiter of waiters) if (which(waiter)) waiter.reject(error);
    },
  };
};
