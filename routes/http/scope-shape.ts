import { z } from 'zod';
import { RESOURCES } from '../../domain/resources.ts';
import { MAX_ROWS_LIMIT, MAX_TEAMS_PER_FILTER } from '../../domain/scope/scope.ts';
import { uuid } from './shapes.ts';

const resource = z.enum(RESOURCES);

const filter = z.strictObject({
  include_teams: z.array(uuid).max(MAX_TEAMS_PER_FILTER).meta({ uniqueItems: true }).optional(),
  include_personal: z.boolean().optional(),
});

/** The scope document as docs/reference/scope.md tells it. For documentation: `parseScope` is what judges one. */
export const scopeShape = z
  .strictObject({
    resources: z.array(resource).min(1).meta({ uniqueItems: true }),
    excluded_resources: z.array(resource).meta({ uniqueItems: true }).optional(),
    filters: z.partialRecord(resource, filter).optional(),
    max_rows_per_query: z.int().min(1).max(MAX_ROWS_LIMIT),
  })
  .meta({
    id: 'Scope',
    description: 'Exclusion wins. Without a filter a resource gives personal rows only.',
  });

/** Takes anything, so that every fault is reported at once with its path as `invalid_scope`. */
export const scopeInput = z.unknown().meta({ ...z.toJSONSchema(scopeShape, { io: 'input' }) });
