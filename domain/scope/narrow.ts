import type { Resource } from '../resources.ts';
import type { Scope } from './scope.ts';

/** What a scope leaves of one resource, before native RBAC narrows it further. */
export interface Reach {
  readonly personal: boolean;
  /** Team ids; the subject's memberships are intersected with them in SQL. */
  readonly teams: readonly string[];
  readonly maxRows: number;
}

export type Narrowed =
  | { readonly allowed: true; readonly reach: Reach }
  | { readonly allowed: false; readonly code: 'resource_excluded' | 'resource_not_granted' };

/**
 * The effect of a scope on one resource. Exclusion is looked at first, so that a stored row which both grants
 * and excludes a resource excludes it (SPEC M2). No filter means personal rows only.
 */
export const narrow = (scope: Scope, resource: Resource): Narrowed => {
  if (scope.excluded_resources.includes(resource)) return { allowed: false, code: 'resource_excluded' };
  if (!scope.resources.includes(resource)) return { allowed: false, code: 'resource_not_granted' };
  const filter = scope.filters[resource];
  return {
    allowed: true,
    reach: {
      personal: filter?.include_personal ?? true,
      teams: filter?.include_teams ?? [],
      maxRows: scope.max_rows_per_query,
    },
  };
};

/** The resources a scope really lets through, in catalogue order of the document. */
export const reachableResources = (scope: Scope): readonly Resource[] =>
  scope.resources.filter((resource) => narrow(scope, resource).allowed);
