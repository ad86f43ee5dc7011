import { z } from 'zod';
import { resourceSpec, type Resource } from '../../domain/resources.ts';
import { MAX_CURSOR_LENGTH } from '../../src/outbound/query/query-cursor.ts';
import type { SourceSelector } from '../../src/outbound/query/query-sources.ts';
import { pageQuery } from '../http/paging.ts';
import { timestamp } from '../http/shapes.ts';
import { rowShape } from '../resources/resource-shapes.ts';
import { uuid } from '../http/shapes.ts';

const SELECTOR = /^(?:local|all|federated:[a-z0-9._-]{1,100})$/;
const isSelector = (text: string): text is SourceSelector => SELECTOR.test(text);

export const sourceQuery = {
  source: z
    .string()
    .regex(SELECTOR, 'must be local, all or federated:<peer>')
    .refine(isSelector)
    .default('all')
    .meta({ description: '`local`, `all`, or `federated:<peer>` with one of your own peers.' }),
};

export const sessionHeader = z.object({
  'x-mosaic-session': z
    .string()
    .regex(/^[\u0021-\u007e]{1,128}$/, 'must be 1 to 128 visible characters')
    .optional()
    .meta({
      description:
        'Names your session, of your choosing: what is told once, as `federation_offline`, is told once in each. Your token by default.',
    }),
});

export const queryHeaders = {
  'mosaic-trace-id': 'Identifies the request in the log. Give it to the operator.',
  'cache-status':
    'RFC 9211, a member for each peer that was asked. `cache-control: no-cache` asks the peers themselves.',
};

/** A blended cursor holds a place for each source, so it is longer than others. */
export const blendPageQuery = {
  limit: pageQuery.limit,
  cursor: z
    .string()
    .min(1)
    .max(MAX_CURSOR_LENGTH)
    .optional()
    .meta({ description: '`next_cursor` of the page before.' }),
};

const reportShape = z
  .strictObject({
    status: z.enum(['complete', 'truncated', 'cached', 'unreachable', 'denied']).meta({
      description:
        '`truncated`: there is more, on the next page. `cached`: from a moment ago, whole or not. `denied`: the peer refused. ' +
        '`unreachable`: anything else.',
    }),
    count: z.int().min(0).meta({ description: 'Rows of this source in `items`.' }),
    more: z.boolean().optional().meta({ description: 'It holds more; absent when it did not answer.' }),
    _cached: z.literal(true).optional(),
    as_of: timestamp.meta({ description: 'What is told of it is at least as new as this.' }),
    latency_ms: z.number(),
    code: z.string().optional(),
    peer_code: z.string().optional().meta({ description: 'The peer’s own code, when it refused.' }),
    message: z.string().optional(),
  })
  .meta({ id: 'SourceReport' });

const noticeShape = z
  .strictObject({ source: z.string(), code: z.string(), message: z.string() })
  .meta({ id: 'Notice' });

/** What every blended answer says of its sources. */
export const reportsShape = { sources: z.record(z.string(), reportShape), notices: z.array(noticeShape) };

export const grantHeader = sessionHeader.extend({
  'x-federation-grant': uuid.meta({
    description: 'The grant as the serving gateway knows it: `grant_id` of /api/peers.',
  }),
});

/** A page of rows, each tagged with where it came from. */
export const blendedShape = (resource: Resource) => {
  const row = z.strictObject({
    ...rowShape(resource).shape,
    _source: z.string().meta({ description: '`local` or `federated:<peer>`.' }),
    _cached: z.literal(true).optional().meta({ description: 'Kept from a moment ago.' }),
  });
  const name = resourceSpec(resource).singular.replaceAll(/(^| )[a-z]/gi, (c) => c.trim().toUpperCase());
  return z.strictObject({
    items: z.array(row.meta({ id: `Blended${name}` })),
    next_cursor: z.string().nullable(),
    ...reportsShape,
  });
};
