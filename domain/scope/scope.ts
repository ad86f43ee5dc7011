import type { Resource } from '../resources.ts';

/** What a filter says of one resource (SPEC M2 "Scope document"). */
export interface ResourceFilter {
  /** Teams whose rows are included; empty means no team rows. */
  readonly include_teams: readonly string[];
  readonly include_personal: boolean;
}

/** A parsed, normalised scope document. Its JSON form is what is stored and what APIs show. */
export interface Scope {
  readonly resources: readonly Resource[];
  readonly excluded_resources: readonly Resource[];
  readonly filters: { readonly [R in Resource]?: ResourceFilter };
  readonly max_rows_per_query: number;
}

export const MAX_ROWS_LIMIT = 10_000;
export const MAX_TEAMS_PER_FILTER = 1_000;
