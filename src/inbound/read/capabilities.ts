import type { Grant } from '../../../domain/grants/grant.ts';
import type { CertificateIdentity } from '../../../domain/peers/identity.ts';
import type { Resource } from '../../../domain/resources.ts';
import { SEARCHABLE } from '../../../domain/search/hit.ts';
import { narrow, reachableResources } from '../../../domain/scope/narrow.ts';
import type { Deps } from '../../app/deps.ts';

/** What a grant lets its holder read, as the holder is told. */
export interface Capabilities {
  readonly gateway: string;
  readonly grant: { readonly id: string; readonly status: 'active'; readonly expires_at: string | null };
  readonly resources: readonly {
    readonly name: Resource;
    readonly personal: boolean;
    /** Ids of teams the scope names; rows come only from those of them the subject is a member of. */
    readonly teams: readonly string[];
    /** Whether a search looks through it. */
    readonly searchable: boolean;
  }[];
  readonly max_rows_per_query: number;
  readonly certificate: { readonly not_after: string };
  readonly server_time: string;
}

/** Call it only for a grant that was decided to be active. */
export const describeGrant = (
  deps: Pick<Deps, 'settings'>,
  { id, scope, expiresAt }: Grant,
  identity: CertificateIdentity,
  now: Date,
): Capabilities => ({
  gateway: deps.settings.gatewayName,
  grant: { id, status: 'active', expires_at: expiresAt?.toISOString() ?? null },
  resources: reachableResources(scope).flatMap((name) => {
    const narrowed = narrow(scope, name);
    if (!narrowed.allowed) return [];
    const { personal, teams } = narrowed.reach;
    return [{ name, personal, teams, searchable: SEARCHABLE.includes(name) }];
  }),
  max_rows_per_query: scope.max_rows_per_query,
  certificate: { not_after: identity.notAfter.toISOString() },
  server_time: now.toISOString(),
});
