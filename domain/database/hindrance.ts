import { databaseCodeOf } from './state.ts';

/**
 * What statements meet at a database that is there and ours, and that no data explains. Others go on meanwhile, so it is told, and the
 * gateway goes on serving: `full` has no room on its disk · `locked` a table is locked by somebody else · `incomplete` lacks a table,
 * a column, a function or a right, as when it was restored in part · `damaged` cannot read its own files.
 */
export type Hindrance = 'full' | 'locked' | 'incomplete' | 'damaged';

export const HINDRANCE_CURES: Readonly<Record<Hindrance, string>> = {
  full: 'Make room on the disk of Postgres. Nothing of the audit log is lost meanwhile: entries wait in memory.',
  locked: 'Look in pg_locks and pg_stat_activity whose AccessExclusiveLock it is, and end it.',
  incomplete: 'Run “mosaic database setup-sql” and “mosaic database migrate”, or finish the restore.',
  damaged: 'Look at the log of Postgres and at its disk; restore a backup.',
};

const CODES: readonly (readonly [RegExp, Hindrance])[] = [
  [/^53[12]00$/, 'full'],
  [/^55P03$/, 'locked'],
  [/^(42501|42P01|42703|42704|42883)$/, 'incomplete'],
  [/^(XX001|XX002|58030)$/, 'damaged'],
];

/** null: something else, or nothing of the database's. */
export const hindranceOf = (error: unknown): Hindrance | null => {
  const code = databaseCodeOf(error) ?? '';
  return CODES.find(([codes]) => codes.test(code))?.[1] ?? null;
};
