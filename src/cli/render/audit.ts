import type {
  AuditAnswer,
  HistogramAnswer,
  ReconciliationAnswer,
  VerificationAnswer,
} from '../client/answers.ts';
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
    'No audit entry matches.',
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

const VERDICTS: Readonly<Record<string, string>> = {
  intact: 'Every chain is intact.',
  incomplete:
    'No entry was changed. Some entries were dropped or may have been lost, and the log records these gaps.',
  tampered: 'THE LOG WAS CHANGED.',
  agrees: 'The peer’s audit log agrees with everything it has reported before.',
  contradicts: 'THE PEER’S AUDIT LOG CONTRADICTS WHAT IT HAS REPORTED BEFORE.',
};

const verdict = (word: string): string => VERDICTS[word] ?? safe(word);

export const renderVerification = (found: VerificationAnswer): string =>
  [
    verdict(found.verdict),
    `${found.chains} chains, ${found.entries} entries; ${found.unconfirmed} not confirmed by anybody else yet.`,
    '',
    found.findings.length === 0
      ? ''
      : tableOr(
          '',
          ['FOUND', 'GRANT', 'WRITER', 'ENTRIES', 'FIRST ENTRY'],
          found.findings.map((finding) => [
            safe(finding.kind),
            safe(finding.grant_id),
            safe(finding.writer_id),
            finding.from_seq === finding.to_seq
              ? String(finding.from_seq)
              : `${finding.from_seq} to ${finding.to_seq}`,
            safe(finding.entry_id),
          ]),
        ),
  ].join('\n');

export const renderReconciliation = (found: ReconciliationAnswer): string =>
  [
    found.verdict === 'incomplete'
      ? 'The peer reports entries that it has dropped or lost.'
      : verdict(found.verdict),
    `Key of its checkpoints: ${safe(found.key)}.`,
    '',
    tableOr(
      'This gateway has recorded nothing of the peer’s audit log yet.',
      ['WRITER', 'ENTRY', 'SIGNED', 'VERDICT'],
      found.places.map((place) => [
        safe(place.writer_id),
        String(place.seq),
        place.signed ? 'yes' : 'no',
        safe(place.verdict),
      ]),
    ),
  ].join('\n');

export const renderHistogram = ({ hours }: HistogramAnswer): string =>
  tableOr(
    'No audit entry matches.',
    ['HOUR', 'ALLOWED', 'DENIED', 'ERROR'],
    hours.map(({ hour, allowed, denied, error }) => [
      moment(hour),
      String(allowed),
      String(denied),
      String(error),
    ]),
  );
