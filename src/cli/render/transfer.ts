import type { Io } from '../shell/io.ts';
import type { TierOutcome, TierPlan } from '../../runtimes/node/tier-move/migrate-tier.ts';
import { facts, table } from './table.ts';
import { count, safe } from './text.ts';

const BAR_CELLS = 24;
const REDRAW_MS = 80;
/** Of a terminal that does not say. */
const USUAL_COLUMNS = 80;

export interface ProgressReport {
  begin(totalRows: number): void;
  rows(phase: 'copy' | 'verify', table: string, amount: number): void;
  startOver(): void;
  end(): void;
}

/** A bar on a terminal, a line for each table elsewhere: logs stay readable. */
export const reportProgress = (io: Io): ProgressReport => {
  let [total, done, phase, current, drawn] = [0, 0, '', '', 0];
  const words: Readonly<Record<string, string>> = { copy: 'Copying', verify: 'Comparing' };
  const draw = (force: boolean): void => {
    const columns = io.columns?.();
    if (columns === undefined || (!force && io.now().getTime() - drawn < REDRAW_MS)) return;
    drawn = io.now().getTime();
    const part = total === 0 ? 1 : Math.min(done / total, 1);
    const cells = Math.round(part * BAR_CELLS);
    const bar = `${'█'.repeat(cells)}${'░'.repeat(BAR_CELLS - cells)}`;
    const line = `${(words[phase] ?? '').padEnd(9)} ${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${done}/${total}  ${safe(current)}`;
    io.err(`\r${line.slice(0, (columns > 20 ? columns : USUAL_COLUMNS) - 1)}\u001b[K`);
  };
  const enter = (next: string, table: string): void => {
    if (next !== phase) [phase, done] = [next, 0];
    else if (table === current) return;
    current = table;
    if (io.columns === undefined) io.err(`${words[phase] ?? phase} ${safe(table)}\n`);
  };
  const endLine = (): void => {
    if (io.columns !== undefined && drawn > 0) io.err('\n');
    drawn = 0;
  };
  return {
    begin: (rows) => void (total = rows),
    rows: (next, table, amount) => {
      enter(next, table);
      done += amount;
      draw(done === total);
    },
    startOver: () => {
      endLine();
      phase = '';
      io.err('The source has changed since an earlier run. Everything is copied again.\n');
    },
    end: endLine,
  };
};

const stateText = ({ state }: TierPlan): string => {
  if (state.kind === 'complete') return `has held this store since ${state.at}`;
  if (state.kind === 'unfinished')
    return `an earlier run copied ${count(state.copied, 'row')}; this run continues from there`;
  const pending = state.pendingMigrations.length;
  return pending === 0 ? 'empty, schema up to date' : `empty, ${count(pending, 'migration')} to apply`;
};

/** What would be moved, before anybody agrees to it. */
export const renderPlan = (plan: TierPlan): string =>
  [
    facts([
      ['from', safe(plan.source)],
      ['to', safe(plan.target)],
      ['target', stateText(plan)],
    ]),
    table(
      ['TABLE', 'ROWS'],
      [...plan.tables.map(({ name, rows }) => [name, String(rows)]), ['total', String(plan.rows)]],
    ),
  ].join('\n');

/** What the operator does next. */
const nextSteps = ({ keyFile, embeddedCertificates }: TierPlan): readonly string[] => [
  'Switch the configuration: tier, database.url, and what the tier needs besides (docs/reference/configuration.md).',
  keyFile === null
    ? 'Keep the sealing key (MOSAIC_SEALING_KEY_FILE) as it is.'
    : `Give the new gateway the same sealing key: a copy of ${keyFile}, mode 0600, as MOSAIC_SEALING_KEY_FILE.`,
  ...(embeddedCertificates > 0
    ? [
        `${count(embeddedCertificates, 'certificate')} of the embedded authority ${embeddedCertificates === 1 ? 'is' : 'are'} in use. With ca.type embedded they go on working; with step-ca they do not: revoke those grants and make new ones.`,
      ]
    : []),
  'Check it with mosaic gateway doctor, start it, and only then put the old store away: it is unchanged.',
];

export const outcomeJson = (outcome: TierOutcome): unknown => {
  const { status, plan } = outcome;
  const head = { status, source: plan.source, target: plan.target, rows: plan.rows };
  if (outcome.status === 'complete') {
    const { tables, copied, resumed, startedOver } = outcome.result;
    return { ...head, copied, resumed, started_over: startedOver, tables, next: nextSteps(plan) };
  }
  return { ...head, copied: 0, target_state: plan.state.kind, tables: plan.tables };
};

export const renderOutcome = (outcome: TierOutcome): string => {
  const { plan } = outcome;
  switch (outcome.status) {
    case 'planned':
      return `${renderPlan(plan)}\nNothing was changed (--dry-run).\n`;
    case 'declined':
      return 'Nothing was changed.\n';
    case 'already_complete':
      return `${safe(plan.target)} holds ${safe(plan.source)} already (${stateText(plan)}). Nothing was changed.\n`;
    case 'complete': {
      const steps = nextSteps(plan).map((step, index) => `  ${index + 1}. ${step}\n`);
      const moved = `${count(outcome.result.copied, 'row')} copied, ${count(plan.rows, 'row')} in ${count(plan.tables.length, 'table')} compared: equal.\n`;
      return `${moved}\nWhat to do now:\n${steps.join('')}`;
    }
  }
};
