import {
  conditionOf,
  DATABASE_CURES,
  gravestOf,
  type DatabaseCondition,
  type DatabaseState,
} from '../domain/database/state.ts';

/** Told by everything that talks to the database how it goes; the one place that says how the database stands. */
export interface DatabaseMonitor {
  worked(source: string): void;
  failed(source: string, error: unknown): void;
  readonly state: DatabaseState;
  /** Sources whose last try failed. */
  readonly failing: ReadonlySet<string>;
}

export type OnDatabaseState = (now: DatabaseState, before: DatabaseState) => void;

/** @param onState called for each change of the condition */
export const createDatabaseMonitor = (onState: OnDatabaseState = () => undefined): DatabaseMonitor => {
  const conditions = new Map<string, DatabaseCondition>();
  let state: DatabaseState = { condition: 'ok', since: new Date(), cure: null };

  const look = (): void => {
    const condition = gravestOf(conditions.values());
    if (condition === state.condition) return;
    const before = state;
    state = { condition, since: new Date(), cure: DATABASE_CURES[condition] };
    onState(state, before);
  };

  return {
    worked: (source) => {
      if (conditions.delete(source)) look();
    },
    failed: (source, error) => {
      conditions.set(source, conditionOf(error));
      look();
    },
    get state() {
      return state;
    },
    get failing() {
      return new Set(conditions.keys());
    },
  };
};
