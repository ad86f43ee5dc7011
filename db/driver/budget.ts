/** What a runtime keeps for all that a call starts, and for nothing else: an `AsyncLocalStorage` of `node:async_hooks`. */
export interface CallScope {
  run<T>(value: object, work: () => T): T;
  getStore(): object | undefined;
}

/** What all statements of one request may take together. */
export interface RequestBudget {
  /** What is left, in milliseconds. It grows less only while a statement, or the wait for a connection, is under way. */
  readonly leftMs: number;
  /** Whether a statement of this request was sent where things are written. */
  hasWritten: boolean;
  /** Counts the time that `work` takes; what runs at the same time counts once. */
  count<T>(work: () => Promise<T>): Promise<T>;
}

/** Budgets of the requests of one process. */
export interface RequestBudgets {
  /** Runs a request. What it starts and does not wait for has no budget any more once `work` has ended. */
  within<T>(milliseconds: number, work: () => Promise<T>): Promise<T>;
  /** Of the request that calls; null: none does, or it has been answered. */
  current(): RequestBudget | null;
}

class Budget implements RequestBudget {
  hasWritten = false;
  isOver = false;
  #left: number;
  #running = 0;
  #since = 0;

  constructor(milliseconds: number) {
    this.#left = milliseconds;
  }

  get leftMs(): number {
    const left = this.#running === 0 ? this.#left : this.#left - (performance.now() - this.#since);
    // Timers fire up to a millisecond early, and what is left then is not enough for anything.
    return left < 1 ? 0 : left;
  }

  async count<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running === 0) this.#since = performance.now();
    this.#running += 1;
    try {
      return await work();
    } finally {
      const left = this.leftMs;
      this.#running -= 1;
      this.#left = left;
      this.#since = performance.now();
    }
  }
}

/** @param scope absent: the runtime has none, and no request a budget */
export const createRequestBudgets = (scope?: CallScope): RequestBudgets => ({
  within: async (milliseconds, work) => {
    if (scope === undefined) return work();
    const budget = new Budget(milliseconds);
    try {
      return await scope.run(budget, work);
    } finally {
      budget.isOver = true;
    }
  },
  current: () => {
    const found = scope?.getStore();
    return found instanceof Budget && !found.isOver ? found : null;
  },
});
