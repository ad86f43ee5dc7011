import { ERROR_CATALOGUE, ERROR_CODES, MosaicError, toProblem, type ErrorCode } from '../../domain/errors.ts';
import { RESOURCES } from '../../domain/resources.ts';
import type { CoreSettings } from '../../src/app/deps.ts';
import { collectRoutes, type CollectedRoute, type OpenapiSource } from './collect.ts';
import type { AnswerDescription } from './describe.ts';
import { createSchemaPool, type Json, type JsonObject, type SchemaPool } from './schemas.ts';
import { TAGS } from './tags.ts';

const PROBLEM = 'application/problem+json';

const problemSchema: JsonObject = {
  type: 'object',
  description: 'RFC 9457 problem document. Its type ends with the code.',
  required: ['type', 'title', 'status', 'code', 'remedy'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: ERROR_CODES, description: 'Stable. Programs decide by this.' },
    detail: { type: 'string', description: 'What is particular to this occurrence.' },
    remedy: { type: 'string', description: 'What can be done about it.' },
    issues: {
      type: 'array',
      description: 'What is wrong with the input, by dotted path; `$` is the whole of it.',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' }, expected: { type: 'string' } },
      },
    },
    limit: { type: 'integer', description: 'Of `rate_limited`: requests at once, and in each window.' },
    window: { type: 'integer', description: 'Of `rate_limited`: seconds in which the limit refills.' },
    retry_after: { type: 'integer', description: 'Of `rate_limited`: seconds after which a retry passes.' },
    trace_id: {
      type: 'string',
      pattern: '^[0-9a-f]{32}$',
      description: 'Identifies the request in the log and in the audit log. Give it to the operator.',
    },
  },
  examples: [
    {
      ...toProblem(new MosaicError('invalid_request'), '4bf92f3577b34da6a3ce929d0e0e4736'),
      issues: [{ path: 'name', message: 'is required' }],
    },
  ],
};

const RETRY_AFTER: JsonObject = {
  'retry-after': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } },
  'ratelimit-policy': {
    description: 'The limit, for example `"grant";q=60;w=60`.',
    schema: { type: 'string' },
  },
  ratelimit: {
    description: 'What is left of it, for example `"grant";r=0;t=1`.',
    schema: { type: 'string' },
  },
};

const byStatus = (codes: readonly ErrorCode[]): ReadonlyMap<number, readonly ErrorCode[]> => {
  const groups = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = ERROR_CATALOGUE[code];
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
};

const problemAnswer = (codes: readonly ErrorCode[]): JsonObject => ({
  description: codes.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].title}`).join(' '),
  ...(codes.includes('rate_limited') ? { headers: RETRY_AFTER } : {}),
  content: {
    [PROBLEM]: {
      schema: {
        allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }],
      },
    },
  },
});

/** Said by the listener before any route is known. */
const HEADER_TOO_LARGE: JsonObject = {
  ...problemAnswer(['invalid_request']),
  description: '`invalid_request`: The request line and the header together are too large.',
};

const answer = (
  pool: SchemaPool,
  { description, schema, contentType, otherTypes = [], headers }: AnswerDescription,
): JsonObject => {
  const type = contentType ?? (schema === undefined ? null : 'application/json');
  const body = schema === undefined ? {} : { schema: pool.add(schema, 'output') };
  const types = type === null ? [] : [type, ...otherTypes];
  const content = types.length === 0 ? {} : { content: Object.fromEntries(types.map((one) => [one, body])) };
  const named = Object.entries(headers ?? {}).map(([name, text]): [string, Json] => [
    name,
    { description: text, schema: { type: 'string' } },
  ]);
  return { description, ...content, ...(named.length === 0 ? {} : { headers: Object.fromEntries(named) }) };
};

const responses = (pool: SchemaPool, route: CollectedRoute): JsonObject => {
  const plain =
    route.description === null ? [] : [route.description.success, ...(route.description.otherAnswers ?? [])];
  const problems = [...byStatus(route.errors)].sort(([a], [b]) => a - b);
  return {
    ...Object.fromEntries(problems.map(([status, codes]) => [String(status), problemAnswer(codes)])),
    '431': HEADER_TOO_LARGE,
    ...Object.fromEntries(plain.map((one) => [String(one.status), answer(pool, one)])),
  };
};

const PLACE: Readonly<Record<string, string>> = { query: 'query', param: 'path', header: 'header' };

const declared = (pool: SchemaPool, route: CollectedRoute): readonly JsonObject[] =>
  route.inputs.flatMap(({ target, schema }) => {
    const place = PLACE[target];
    if (place === undefined) return [];
    const json = pool.add(schema, 'input');
    const required = Array.isArray(json['required']) ? (json['required'] as readonly Json[]) : [];
    return Object.entries((json['properties'] ?? {}) as JsonObject).map(([name, property]): JsonObject => {
      const { description, pattern, ...rest } = property as JsonObject;
      // A number in an address is checked as text first; that is nobody's business outside.
      const check = pattern === undefined || rest['type'] === 'integer' ? {} : { pattern };
      return {
        name,
        in: place,
        required: place === 'path' || required.includes(name),
        ...(description === undefined ? {} : { description }),
        schema: { ...rest, ...check },
      };
    });
  });

/** Parts of a path that a handler judges itself, because what is none of these is simply not there. */
const UNDECLARED: Readonly<Record<string, JsonObject>> = {
  resource: { type: 'string', enum: RESOURCES },
  id: { type: 'string', format: 'uuid' },
};

/** OpenAPI wants every part of a path declared. */
const parameters = (pool: SchemaPool, route: CollectedRoute): readonly Json[] => {
  const known = declared(pool, route);
  const inPath = [...templateOf(route.path).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const missing = inPath.filter((name) => !known.some((one) => one['in'] === 'path' && one['name'] === name));
  return [
    ...missing.map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: UNDECLARED[name] ?? { type: 'string' },
    })),
    ...known,
  ];
};

const requestBody = (pool: SchemaPool, route: CollectedRoute): JsonObject => {
  const body = route.inputs.find(({ target }) => target === 'json');
  if (body === undefined) return {};
  const schema = pool.add(body.schema, 'input');
  const names = schema['required'];
  const required = route.method === 'PATCH' || (Array.isArray(names) && names.length > 0);
  return { requestBody: { required, content: { 'application/json': { schema } } } };
};

/** `/api/x/:id{…}` → `/api/x/{id}`. */
export const templateOf = (path: string): string =>
  path.replace(/:([A-Za-z_]\w*)(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})?\??/g, '{$1}');

const operation = (pool: SchemaPool, route: CollectedRoute): JsonObject => {
  const { description } = route;
  const inputs = parameters(pool, route);
  return {
    operationId: `${route.method.toLowerCase()}${templateOf(route.path)
      .replace(/[^A-Za-z0-9]+/g, '_')
      .replace(/_$/, '')}`,
    summary: description?.summary ?? `${route.method} ${route.path}`,
    ...(description?.description === undefined || description.description === ''
      ? {}
      : { description: description.description }),
    tags: description?.tags ?? [route.surface],
    security: route.security === null ? [] : [{ [route.security]: [] }],
    ...(inputs.length === 0 ? {} : { parameters: inputs }),
    ...requestBody(pool, route),
    responses: responses(pool, route),
  };
};

/** The tags in use, in the order of `TAGS`. */
const tagsOf = (paths: JsonObject): readonly Json[] => {
  const used = new Set(
    Object.values(paths)
      .flatMap((item) => Object.values(item as JsonObject))
      .flatMap((one) => ((one as JsonObject)['tags'] ?? []) as readonly string[]),
  );
  const known = Object.keys(TAGS).filter((name) => used.has(name));
  const others = [...used].filter((name) => !known.includes(name));
  return [
    ...known.map((name): Json => ({ name, description: TAGS[name] ?? '' })),
    ...others.map((name) => ({ name })),
  ];
};

/**
 * Makes the OpenAPI 3.1 document of what the apps really serve: from their routes and validators. A step for each route, so that
 * whoever runs it can let others have the loop in between: all of it takes some 50 ms.
 */
export function* openapiSteps(
  settings: Pick<CoreSettings, 'gatewayName' | 'federationUrl'>,
  version: string,
  sources: readonly OpenapiSource[],
): Generator<void, JsonObject> {
  const pool = createSchemaPool();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of collectRoutes(sources)) {
    const item = (paths[templateOf(route.path)] ??= {});
    // A route on several surfaces is documented once; the first one named is the one people meet.
    if (Object.hasOwn(item, route.method.toLowerCase())) continue;
    if (route.surface === 'federation')
      item['servers'] ??= [{ url: settings.federationUrl, description: 'Mutual TLS listener' }];
    item[route.method.toLowerCase()] = operation(pool, route);
    yield;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mosaic Federation gateway',
      version,
      description:
        'Made from the routes and validators in use. Every refusal is a problem document with a stable `code`. ' +
        'docs/reference/api.md of the package tells the protocols behind it, with commands to follow.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: `Public API of ${settings.gatewayName}` }],
    tags: tagsOf(paths),
    paths,
    components: {
      schemas: { ...pool.components(), Problem: problemSchema },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token `mos_…` of this gateway.' },
        mutualTLS: { type: 'mutualTLS', description: 'The client certificate issued at enrollment.' },
      },
    },
  };
}
