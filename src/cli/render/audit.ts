import type { AuditAnswer } from '../answers.ts';
import { moment, safe } from './text.ts';
import { tableOr } from './table.ts';

const what = (entry: AuditAnswer): string => {
  const object = entry.action ?? entry.resource;
  return object ? `${safe(entry.verb)} ${safe(object)}` : safe(entry.verb);
};

const outcome = (entry: AuditAnswer): string =>
  entry.reason_code ? `${safe(entry.outcome)} (${safe(entry.reason_code)})` : safe(entry.outcome);

export const renderAudit = (entries: readonly AuditAnswer[]): string =>
  tableOr(
    'Nothing was recorded that fits.',
    ['AT', 'WHAT', 'OUTCOME', 'STATUS', 'GRANT', 'SUBJECT USER', 'BYTES', 'MS'],
    entries.map((entry) => [
      moment(entry.at),
      what(entry),
      outcome(entry),
      safe(entry.status),
      safe(entry.grant_id),
      safe(entry.subject_user_id),
      safe(entry.bytes_out),
      safe(entry.latency_ms),
    ]),
  );
