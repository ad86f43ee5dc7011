import { z } from 'zod';
import { RESOURCES, RESOURCE_TABLE, type Resource } from '../../domain/resources.ts';
import { MAX_ROWS_LIMIT } from '../../domain/scope/scope.ts';
import { pageQueryUpTo } from '../http/paging.ts';
import { hitShape, searchQuery as askedFor } from '../http/search-shapes.ts';

export const searchQuery = z.strictObject({ ...pageQueryUpTo(MAX_ROWS_LIMIT), ...askedFor });

export { noQuery } from '../http/shapes.ts';

const columns = (resource: Resource) =>
  Object.fromEntries(
    Object.keys(RESOURCE_TABLE[resource].fields).map((field) => [field, z.string().nullable()]),
  );

const row = (resource: Resource) =>
  z
    .strictObject({
      id: z.uuid(),
      owner_id: z.uuid().nullable(),
      team_id: z.uuid().nullable(),
      created_at: z.iso.datetime(),
      updated_at: z.iso.datetime(),
      ...columns(resource),
    })
    .meta({ title: RESOURCE_TABLE[resource].singular });

const anyRow = z.union(RESOURCES.map(row));

export const listAnswer = z.strictObject({ items: z.array(anyRow), next_cursor: z.string().nullable() });

export const searchAnswer = z.strictObject({ items: z.array(hitShape), next_cursor: z.string().nullable() });

export const itemAnswer = z.strictObject({ item: anyRow });

export const capabilitiesAnswer = z.strictObject({
  gateway: z.string(),
  grant: z.strictObject({
    id: z.uuid(),
    status: z.literal('active'),
    expires_at: z.iso.datetime().nullable(),
  }),
  resources: z.array(
    z.strictObject({
      name: z.enum(RESOURCES),
      personal: z.boolean(),
      teams: z.array(z.uuid()),
      searchable: z.boolean(),
    }),
  ),
  max_rows_per_query: z.int(),
  certificate: z.strictObject({ not_after: z.iso.datetime() }),
  server_time: z.iso.datetime(),
});
