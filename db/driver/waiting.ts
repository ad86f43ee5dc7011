import { DatabaseFault } from './errors.ts';

interface Waiter<T> {
  /** Wants a connection for itself. */
  readonly isAlone: boolean;
  readonly resolve: (granted: T) => void;
}

/** Those who wait for a connection, first come, first served. Who waited too long is taken out, and never runs. */
export interface Waiting<T> {
  readonly size: number;
  /** Rejects at once when the queue is full, and when nothing came within `limitMs`. */
  push(isAlone: boolean, limitMs: number): Promise<T>;
  first(): Waiter<T> | null;
  shift(): void;
  rejectAll(error: Error): void;
}

export const createWaiting = <T>(limit: number, full: () => Error): Waiting<T> => {
  // A Set keeps the order of insertion, and gives up one from its middle at no cost.
  const waiters = new Set<Waiter<T> & { readonly reject: (error: Error) => void }>();
  return {
    get size() {
      return waiters.size;
    },
    push: (isAlone, limitMs) => {
      if (waiters.size >= limit) return Promise.reject(full());
      return new Promise<T>((resolve, reject) => {
        const waiter = {
          isAlone,
          resolve: (granted: T): void => {
            clearTimeout(timer);
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
    first: () => waiters.values().next().value ?? null,
    shift: () => {
      const { value } = waiters.values().next();
      if (value !== undefined) waiters.delete(value);
    },
    rejectAll: (error) => {
      for (const waiter of waiters) waiter.reject(error);
    },
  };
};
