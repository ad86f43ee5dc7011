import { isResource, isSensitive } from '../../../domain/resources.ts';
import { reachableResources } from '../../../domain/scope/narrow.ts';
import { readStoredScope } from '../../../domain/scope/parse.ts';
import type { EnrollmentAnswer, GrantAnswer } from '../client/answers.ts';
import { clip, count, distance, moment, safe } from './text.ts';
import { facts, tableOr } from './table.ts';

/** What a scope really lets through, by the rules the gateway applies: `tasks (personal, 2 teams)`. */
export const summarizeScope = (document: unknown): string => {
  const scope = readStoredScope(document);
  const parts = reachableResources(scope).map((resource) => {
    const filter = scope.filters[resource];
    const teams = filter?.include_teams.length ?? 0;
    const reach = [
      ...((filter?.include_personal ?? true) ? ['personal'] : []),
      ...(teams > 0 ? [count(teams, 'team')] : []),
      ...(isSensitive(resource) ? ['SENSITIVE'] : []),
    ];
    return `${resource} (${reach.join(', ') || 'no rows'})`;
  });
  return parts.join(', ') || 'nothing';
};

const peerName = (grant: GrantAnswer): string => clip(grant.peer.name ?? '(removed)', 40);

const ending = (grant: GrantAnswer, now: Date): string => {
  if (typeof grant.revoked_at === 'string') return `revoked ${moment(grant.revoked_at)}`;
  if (typeof grant.expires_at !== 'string') return 'never';
  return `${moment(grant.expires_at)} (${distance(grant.expires_at, now)})`;
};

export const renderGrants = (grants: readonly GrantAnswer[], now: Date): string =>
  tableOr(
    'There are no grants.',
    ['ID', 'PEER', 'SUBJECT USER', 'STATUS', 'MAY READ', 'ENDS'],
    grants.map((grant) => [
      safe(grant.id),
      peerName(grant),
      safe(grant.subject_user_id),
      safe(grant.status),
      clip(summarizeScope(grant.scope), 90),
      ending(grant, now),
    ]),
  );

const excluded = (grant: GrantAnswer): string => {
  const names: readonly unknown[] = Array.isArray(grant.scope['excluded_resources'])
    ? grant.scope['excluded_resources']
    : [];
  return names.length === 0 ? 'none' : names.map((name) => (isResource(name) ? name : safe(name))).join(', ');
};

const cachedFor = ({ cache_ttl_seconds: seconds }: GrantAnswer): string => {
  if (seconds === 0) return 'never';
  return typeof seconds === 'number' ? `up to ${safe(seconds)} s` : 'up to 30 s (default)';
};

/** One grant in full. */
export const renderGrant = (grant: GrantAnswer, now: Date): string =>
  facts([
    ['id', safe(grant.id)],
    ['status', safe(grant.status)],
    ['peer', `${peerName(grant)} (${safe(grant.peer.id)})`],
    ['subject user', safe(grant.subject_user_id)],
    ['may read', safe(summarizeScope(grant.scope))],
    ['audit', grant.audit_strict ? 'strict: no answer before its entry is committed' : 'in the background'],
    ['excludes', excluded(grant)],
    ['rows a query', safe(grant.scope.max_rows_per_query)],
    ['requests a minute', safe(grant.rate_limit_per_minute ?? 'default of the gateway')],
    ['cached at the peer', cachedFor(grant)],
    ['version', safe(grant.version)],
    ['created', moment(grant.created_at)],
    ['activated', moment(grant.activated_at)],
    ['ends', ending(grant, now)],
    ...(grant.revoked_reason ? [['reason', safe(grant.revoked_reason)] as const] : []),
    ['scope', JSON.stringify(grant.scope, null, 2).split('\n').map(safe).join('\n')],
  ]);

/** What to hand to the person on the other side. The URL works once. */
export const renderEnrollment = (enrollment: EnrollmentAnswer, now: Date): string =>
  [
    '',
    'Enrollment URL (works once; hand it over on a private channel):',
    `  ${safe(enrollment.url)}`,
    `  valid until ${moment(enrollment.expires_at)} (${distance(enrollment.expires_at, now)})`,
    `  certificate authority ${safe(enrollment.ca_fingerprint)}`,
    'On the other gateway:',
    `  mosaic federation peer add '${safe(enrollment.url)}' --user <local user>`,
    '',
  ].join('\n');
