import { Option, type Command } from 'commander';
import {
  auditAnswer,
  histogramAnswer,
  reconciliationAnswer,
  userAnswer,
  verificationAnswer,
} from '../client/answers.ts';
import { segment, type Api, type Query } from '../client/api.ts';
import { apiLeaf, connect, group, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import { EXIT, ExitWith } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { findPeer, idOf } from '../client/lookup.ts';
import { moment } from '../shell/options.ts';
import { listAll, type PagingOptions } from '../client/paging.ts';
import { renderAudit, renderHistogram, renderReconciliation, renderVerification } from '../render/audit.ts';
import { verifyAll } from '../client/verification.ts';
import { USERS } from './user.ts';

const AUDIT = '/api/admin/audit';

interface FilterOptions extends ApiOptions {
  readonly grant?: string;
  readonly peer?: string;
  readonly user?: string;
  readonly outcome?: string;
  readonly verb?: string;
  readonly reason?: string;
  readonly trace?: string;
  readonly from?: string;
  readonly to?: string;
}

const withFilters = (command: Command): Command =>
  command
    .option('--grant <id>', 'only about this grant')
    .option('--peer <peer>', 'only about this peer (name or id)')
    .option('--user <user>', 'only about this subject user (name or id)')
    .addOption(new Option('--outcome <outcome>', 'only those').choices(['allowed', 'denied', 'error']))
    .option('--verb <verb>', 'only those, for example list, get, enroll or admin')
    .option('--reason <code>', 'only those refused or failed for this reason')
    .option('--trace <id>', 'only those of this trace')
    .option('--from <moment>', 'not before, RFC 3339', moment)
    .option('--to <moment>', 'before, RFC 3339', moment);

const filtersOf = async (api: Api, options: FilterOptions): Promise<Query> => ({
  grant_id: options.grant,
  peer_id: options.peer === undefined ? undefined : await findPeer(api, options.peer, 'inbound'),
  subject_user_id:
    options.user === undefined ? undefined : await idOf(api, USERS, userAnswer, 'user', options.user),
  outcome: options.outcome,
  verb: options.verb,
  reason_code: options.reason,
  trace_id: options.trace,
  from: options.from,
  to: options.to,
});

const addReading = (audit: Command, io: Io): void => {
  // The one that `mosaic federation audit` alone stands for.
  const list = withPaging(
    withFilters(
      apiLeaf(
        audit,
        'list',
        'List what peers asked and administrators did, newest first; never what was searched for.',
        [
          'mosaic federation audit list --limit 20',
          'mosaic federation audit list --peer home --outcome denied --json',
        ],
        { isDefault: true },
      ),
    ),
  );
  list.action(async (options: FilterOptions & PagingOptions) => {
    const api = await connect(io, options);
    const listing = await listAll(api, AUDIT, auditAnswer, options, await filtersOf(api, options));
    print(io, options, listing, () => renderAudit(listing.items));
    printMore(io, options, listing.next_cursor);
  });

  withFilters(
    apiLeaf(audit, 'export', 'Write every matching entry to standard output, newest first.', [
      'mosaic federation audit export --from 2027-01-01T00:00:00Z > january.ndjson',
      'mosaic federation audit export --format csv --grant 6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21 > grant.csv',
    ]),
  )
    .addOption(new Option('--format <format>', 'one JSON document a line, or CSV').choices(['ndjson', 'csv']))
    .action(async (options: FilterOptions & { format?: string }) => {
      const api = await connect(io, options);
      const query = { ...(await filtersOf(api, options)), format: options.format };
      await api.stream(`${AUDIT}/export`, query, (text) => io.out(text));
    });

  withFilters(
    apiLeaf(audit, 'histogram', 'Count entries by hour and outcome; the last 24 hours by default.', [
      'mosaic federation audit histogram --peer home',
    ]),
  ).action(async (options: FilterOptions) => {
    const api = await connect(io, options);
    const found = await api.get(`${AUDIT}/histogram`, histogramAnswer, await filtersOf(api, options));
    print(io, options, found, () => renderHistogram(found));
  });
};

const addChecking = (audit: Command, io: Io): void => {
  apiLeaf(
    audit,
    'verify',
    'Verify the hash chains of the log and name the first entry that was changed (exit code 6).',
    ['mosaic federation audit verify', 'mosaic federation audit verify --timeout 600 --json'],
  )
    .addOption(new Option('--grant <id>', 'only the chains of this grant').conflicts('cursor'))
    .option('--cursor <cursor>', 'continue at the cursor that an interrupted run printed')
    .action(async (options: ApiOptions & { grant?: string; cursor?: string }) => {
      const api = await connect(io, options);
      const found =
        options.grant === undefined
          ? await verifyAll(api, io, options)
          : await api.get(`${AUDIT}/verify`, verificationAnswer, { grant_id: options.grant });
      print(io, options, found, () => renderVerification(found));
      if (found.verdict === 'tampered') throw new ExitWith(EXIT.contradicted);
    });

  apiLeaf(
    audit,
    'reconcile <peer>',
    'Compare what an outbound peer has reported of its audit log with what it reports now (exit code 6 when it contradicts itself).',
    ['mosaic federation audit reconcile work'],
  ).action(async (idOrName: string, options: ApiOptions) => {
    const api = await connect(io, options);
    const id = await findPeer(api, idOrName, 'outbound');
    const path = `/api/admin/peers/${segment(id)}/reconcile`;
    const found = await api.post(path, {}, reconciliationAnswer);
    print(io, options, found, () => renderReconciliation(found));
    if (found.verdict === 'contradicts') throw new ExitWith(EXIT.contradicted);
  });
};

export const addAudit = (federation: Command, io: Io): void => {
  const audit = group(federation, 'audit', 'The audit log: read, export and check it.', [
    'mosaic federation audit --limit 20',
    'mosaic federation audit verify',
  ]);
  addReading(audit, io);
  addChecking(audit, io);
};
