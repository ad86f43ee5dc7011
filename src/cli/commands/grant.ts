import { InvalidArgumentError, Option, type Command } from 'commander';
import { GRANT_STATUSES } from '../../../domain/grants/grant.ts';
import { grantAnswer, newGrantAnswer, userAnswer } from '../client/answers.ts';
import { segment } from '../client/api.ts';
import { apiLeaf, connect, group, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import { usageError } from '../shell/exit.ts';
import { readJsonObject } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { findPeer, idOf } from '../client/lookup.ts';
import { parseExpiry, wholeNumber } from '../shell/options.ts';
import { listAll, type PagingOptions } from '../client/paging.ts';
import { renderEnrollment, renderGrant, renderGrants } from '../render/grants.ts';
import { USERS } from './user.ts';

const GRANTS = '/api/admin/grants';
const grantPath = (id: string): string => `${GRANTS}/${segment(id)}`;

interface ScopeOptions extends ApiOptions {
  readonly scope?: string;
  readonly approveSensitive?: boolean;
  readonly expires?: string;
  readonly rateLimit?: number | 'default';
  readonly cacheTtl?: number | 'default';
  readonly auditStrict?: boolean;
}

/** A whole number, or the word that leaves it to the gateway. */
const orDefault =
  (min: number, max: number) =>
  (text: string): number | 'default' => {
    if (text === 'default') return text;
    try {
      return wholeNumber(min, max)(text);
    } catch {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}, or "default".`);
    }
  };

const rateOrDefault = orDefault(1, 1_000_000);
const cacheTtlOrDefault = orDefault(0, 300);

/** The parts of a grant that can be set and changed. */
const terms = async (io: Io, options: ScopeOptions): Promise<Record<string, unknown>> => ({
  ...(options.scope === undefined ? {} : { scope: await readJsonObject(io, options.scope) }),
  ...(options.approveSensitive === true ? { approve_sensitive: true } : {}),
  ...(options.expires === undefined
    ? {}
    : { expires_at: options.expires === 'never' ? null : parseExpiry(options.expires, io.now()) }),
  ...(options.rateLimit === undefined
    ? {}
    : { rate_limit_per_minute: options.rateLimit === 'default' ? null : options.rateLimit }),
  ...(options.cacheTtl === undefined
    ? {}
    : { cache_ttl_seconds: options.cacheTtl === 'default' ? null : options.cacheTtl }),
  ...(options.auditStrict === undefined ? {} : { audit_strict: options.auditStrict }),
});

const addCreate = (grant: Command, io: Io): void => {
  apiLeaf(
    grant,
    'create',
    'Let a peer read one user’s data within a scope; prints the enrollment URL for the other side.',
    [
      'mosaic federation grant create --user alice --peer home-of-alice --scope scope.json',
      `echo '{"resources":["tasks"],"max_rows_per_query":200}' | mosaic federation grant create --user alice --peer home --scope -`,
    ],
  )
    .requiredOption('--user <user>', 'whose data may be read (name or id)')
    .requiredOption('--peer <name>', 'name of the peer that may read; created when it is new')
    .requiredOption(
      '--scope <file>',
      'scope document as JSON, - for standard input (docs/reference/scope.md)',
    )
    .option('--approve-sensitive', 'needed when the scope names credentials or api_keys')
    .option('--expires <when>', 'end of the grant: 30d, 12h, 2027-01-31 or never')
    .option('--rate-limit <requests>', 'requests a minute, or "default"', rateOrDefault)
    .option(
      '--cache-ttl <seconds>',
      'how long the other side may keep answers; 0: not at all',
      cacheTtlOrDefault,
    )
    .option('--audit-strict', 'no answer leaves before its audit entry is committed')
    .action(async (options: ScopeOptions & { user: string; peer: string }) => {
      const body = { user: options.user, peer: options.peer, ...(await terms(io, options)) };
      const made = await (await connect(io, options)).post(GRANTS, body, newGrantAnswer);
      const now = io.now();
      print(io, options, made, () => renderGrant(made.grant, now) + renderEnrollment(made.enrollment, now));
    });
};

interface ListOptions extends ApiOptions, PagingOptions {
  readonly status?: string;
  readonly user?: string;
  readonly peer?: string;
}

const addReading = (grant: Command, io: Io): void => {
  withPaging(
    apiLeaf(grant, 'list', 'List grants, newest first, with the status that holds now.', [
      'mosaic federation grant list',
      'mosaic federation grant list --status active --user alice --json',
    ])
      .addOption(new Option('--status <status>', 'only those').choices(GRANT_STATUSES))
      .option('--user <user>', 'only those about this user (name or id)')
      .option('--peer <peer>', 'only those of this peer (name or id)'),
  ).action(async (options: ListOptions) => {
    const api = await connect(io, options);
    const filters = {
      status: options.status,
      subject_user_id:
        options.user === undefined ? undefined : await idOf(api, USERS, userAnswer, 'user', options.user),
      peer_id: options.peer === undefined ? undefined : await findPeer(api, options.peer, 'inbound'),
    };
    const listing = await listAll(api, GRANTS, grantAnswer, options, filters);
    print(io, options, listing, () => renderGrants(listing.items, io.now()));
    printMore(io, options, listing.next_cursor);
  });

  apiLeaf(grant, 'show <id>', 'Show one grant in full.', [
    'mosaic federation grant show 6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21',
  ]).action(async (id: string, options: ApiOptions) => {
    const found = await (await connect(io, options)).get(grantPath(id), grantAnswer);
    print(io, options, found, () => renderGrant(found, io.now()));
  });
};

const addChanging = (grant: Command, io: Io): void => {
  const id = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';

  apiLeaf(grant, 'edit <id>', 'Change a grant; the very next request of the peer sees it.', [
    `mosaic federation grant edit ${id} --scope narrower.json`,
    `mosaic federation grant edit ${id} --rate-limit 120 --expires never`,
    `mosaic federation grant edit ${id} --cache-ttl 0`,
  ])
    .option('--scope <file>', 'new scope document as JSON, - for standard input')
    .option('--approve-sensitive', 'needed when the scope names credentials or api_keys')
    .option('--expires <when>', 'new end: 30d, 12h, 2027-01-31 or never')
    .option('--rate-limit <requests>', 'requests a minute, or "default"', rateOrDefault)
    .option(
      '--cache-ttl <seconds>',
      'how long the other side may keep answers; 0: not at all',
      cacheTtlOrDefault,
    )
    .option('--audit-strict', 'no answer leaves before its audit entry is committed')
    .option('--no-audit-strict', 'answers do not wait for the audit log (the default)')
    .action(async (grantId: string, options: ScopeOptions) => {
      const body = await terms(io, options);
      if (Object.keys(body).length === 0) {
        throw usageError(
          'Nothing to change.',
          'Give --scope, --expires, --rate-limit, --cache-ttl or --audit-strict.',
        );
      }
      const changed = await (await connect(io, options)).patch(grantPath(grantId), body, grantAnswer);
      print(io, options, changed, () => renderGrant(changed, io.now()));
    });

  apiLeaf(grant, 'revoke <id>', 'Revoke a grant for good; the very next request of the peer is refused.', [
    `mosaic federation grant revoke ${id} --reason "left the company"`,
  ])
    .option('--reason <text>', 'kept with the grant')
    .action(async (grantId: string, options: ApiOptions & { reason?: string }) => {
      const { reason } = options;
      const body = reason === undefined ? {} : { reason };
      const api = await connect(io, options);
      const revoked = await api.post(`${grantPath(grantId)}/revoke`, body, grantAnswer);
      print(io, options, revoked, () => renderGrant(revoked, io.now()));
    });

  apiLeaf(grant, 'enroll <id>', 'Make a new enrollment URL for a pending grant; older ones stop working.', [
    `mosaic federation grant enroll ${id}`,
  ]).action(async (grantId: string, options: ApiOptions) => {
    const api = await connect(io, options);
    const made = await api.post(`${grantPath(grantId)}/enrollment`, {}, newGrantAnswer);
    print(io, options, made, () => renderEnrollment(made.enrollment, io.now()));
  });
};

export const addGrant = (federation: Command, io: Io): void => {
  const grant = group(federation, 'grant', 'What peers may read here, on whose behalf.', [
    'mosaic federation grant create --user alice --peer home --scope scope.json',
    'mosaic federation grant list --status active',
  ]);
  addCreate(grant, io);
  addReading(grant, io);
  addChanging(grant, io);
};
