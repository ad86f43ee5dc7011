import { Option, type Command } from 'commander';
import { auditAnswer, userAnswer } from '../answers.ts';
import { apiLeaf, connect, print, printMore, withPaging, type ApiOptions } from '../command.ts';
import type { Io } from '../io.ts';
import { findPeer, idOf } from '../lookup.ts';
import { listAll, type PagingOptions } from '../paging.ts';
import { renderAudit } from '../render/audit.ts';
import { USERS } from './user.ts';

interface AuditOptions extends ApiOptions, PagingOptions {
  readonly grant?: string;
  readonly peer?: string;
  readonly user?: string;
  readonly outcome?: string;
  readonly verb?: string;
  readonly from?: string;
  readonly to?: string;
}

export const addAudit = (federation: Command, io: Io): void => {
  withPaging(
    apiLeaf(
      federation,
      'audit',
      'List what peers asked and administrators did, newest first; never what was searched for.',
      ['mosaic federation audit --limit 20', 'mosaic federation audit --peer home --outcome denied --json'],
    )
      .option('--grant <id>', 'only about this grant')
      .option('--peer <peer>', 'only about this peer (name or id)')
      .option('--user <user>', 'only about this subject user (name or id)')
      .addOption(new Option('--outcome <outcome>', 'only those').choices(['allowed', 'denied', 'error']))
      .option('--verb <verb>', 'only those, for example list, get, enroll or admin')
      .option('--from <moment>', 'not before, RFC 3339')
      .option('--to <moment>', 'before, RFC 3339'),
  ).action(async (options: AuditOptions) => {
    const api = await connect(io, options);
    const filters = {
      grant_id: options.grant,
      peer_id: options.peer === undefined ? undefined : await findPeer(api, options.peer, 'inbound'),
      subject_user_id:
        options.user === undefined ? undefined : await idOf(api, USERS, userAnswer, 'user', options.user),
      outcome: options.outcome,
      verb: options.verb,
      from: options.from,
      to: options.to,
    };
    const listing = await listAll(api, '/api/admin/audit', auditAnswer, options, filters);
    print(io, options, listing, () => renderAudit(listing.items));
    printMore(io, options, listing.next_cursor);
  });
};
