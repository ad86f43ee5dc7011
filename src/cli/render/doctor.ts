import type { Diagnosis } from '../../runtimes/node/doctor/evaluate.ts';
import { table } from './table.ts';
import { safe } from './text.ts';

/** Words as well as colours would: it is read in logs and by people who can't tell red from green. */
const MARK = { green: 'ok', yellow: 'LOOK', red: 'FAIL' } as const;

/** What the doctor found, worst news last seen first: remedies follow the table. */
export const renderDoctor = ({ status, checks }: Diagnosis): string => {
  const rows = checks.map((check) => [
    MARK[check.status],
    safe(check.name),
    safe(check.where ?? '-'),
    check.ms === null ? '-' : `${check.ms} ms`,
    safe(check.message),
  ]);
  const remedies = checks.flatMap(({ name, remedy }) =>
    remedy === null ? [] : [`  ${safe(name)}: ${safe(remedy)}.\n`],
  );
  return [
    table(['', 'PART', 'WHERE', 'TIME', 'STATE'], rows),
    remedies.length === 0 ? '' : `\nWhat to do:\n${remedies.join('')}`,
    `\nOverall: ${status}.\n`,
  ].join('');
};
