import { Hono } from 'hono';
import { describe as group, expect, it } from 'vitest';
import { z } from 'zod';
import { RESOURCES } from '../../domain/resources.ts';
import type { AppEnv } from '../http/http.ts';
import { pageOf, pageQuery } from '../http/paging.ts';
import { validate } from '../http/validate.ts';
import { describe, guard } from './describe.ts';
import { openapiSteps, templateOf } from './document.ts';
import { docsSteps } from './page.ts';
import { inTurns } from './steps.ts';

const settings = { gatewayName: 'work', federationUrl: 'https://work.test:14012' };
const thing = z.strictObject({ id: z.string(), at: z.string().nullable() }).meta({ id: 'Thing' });

/** Another's JSON Schema, put in as it is. */
const embedded = z.unknown().meta({ ...z.toJSONSchema(z.array(thing)) });
const whole = z.object({ count: z.int(), at: z.iso.datetime(), id: z.uuid(), embedded });

const things = new Hono<AppEnv>();
things.use(guard(async (_c: unknown, next: () => Promise<void>) => next(), ['unauthenticated'], 'bearer'));
things.get(
  '/',
  describe({
    summary: 'List <things>',
    tags: ['things'],
    success: { status: 200, description: 'A page.', schema: pageOf(thing) },
    errors: ['invalid_cursor'],
  }),
  validate('query', z.object(pageQuery)),
  (c) => c.json({}),
);
things.put(
  '/:id/parts/:part_id{[0-9]+}',
  describe({ summary: 'Put', tags: ['things'], success: { status: 200, description: 'It.', schema: thing } }),
  validate('param', z.object({ id: z.string(), part_id: z.string() })),
  validate('json', z.object({ role: z.enum(['a', 'b']).default('a') })),
  (c) => c.json({}),
);
things.post(
  '/',
  describe({
    summary: 'Make',
    tags: ['things'],
    success: { status: 201, description: 'Made.', schema: thing },
  }),
  validate('json', z.object({ name: z.string() })),
  (c) => c.json({}),
);

const outer = new Hono<AppEnv>();
outer.onError((_error, c) => c.text('', 500));
outer.get(
  '/:resource/:id',
  guard(async (_c: unknown, next: () => Promise<void>) => next(), ['rate_limited'], 'mutualTLS'),
  describe({ summary: 'R', tags: ['verbs'], success: { status: 200, description: 'R', schema: whole } }),
  (c) => c.json({}),
);
outer.get(
  '/capabilities',
  describe({ summary: 'C', tags: ['verbs'], success: { status: 200, description: 'C' } }),
  (c) => c.json({}),
);
const federation = new Hono<AppEnv>().route('/federation/v1', outer);
const app = new Hono<AppEnv>().route('/api/things', things);
app.get('/open', (c) => c.text(''));

const document = await inTurns(
  openapiSteps(settings, '1.2.3', [
    { surface: 'public', routes: app.routes },
    { surface: 'federation', routes: federation.routes },
  ]),
);
// Read as data: a wrong shape fails the assertion that looks at it.
const at = (...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);

group('the OpenAPI document', () => {
  it('has every route and no middleware', () => {
    expect(Object.keys(at('paths') as object)).toEqual([
      '/api/things',
      '/api/things/{id}/parts/{part_id}',
      '/open',
      '/federation/v1/{resource}/{id}',
      '/federation/v1/capabilities',
    ]);
    expect(templateOf('/a/:id{[^/]+}/:b?')).toBe('/a/{id}/{b}');
  });

  it('hoists named schemas into the components', () => {
    const schema = at(
      'paths',
      '/api/things',
      'get',
      'responses',
      '200',
      'content',
      'application/json',
      'schema',
    );
    expect(schema).toMatchObject({
      properties: { items: { items: { $ref: '#/components/schemas/Thing' } } },
    });
    expect(
      at('paths', '/api/things', 'post', 'responses', '201', 'content', 'application/json', 'schema'),
    ).toEqual({
      $ref: '#/components/schemas/Thing',
    });
    expect(Object.keys(at('components', 'schemas') as object)).toEqual(['Thing', 'Problem']);
    expect(JSON.stringify(document)).not.toContain('$defs');
  });

  it('documents refusals of guards, validators and the route itself', () => {
    const responses = at('paths', '/api/things', 'get', 'responses') as Record<string, unknown>;
    expect(Object.keys(responses)).toEqual(['200', '400', '401', '414', '431', '500', '503']);
    expect(JSON.stringify(responses['400'])).toContain('"enum":["invalid_cursor","invalid_request"]');
    expect(at('paths', '/api/things', 'get', 'responses', '401', 'content')).toHaveProperty([
      'application/problem+json',
    ]);
  });

  it('tells parameters, bodies and security', () => {
    expect(at('paths', '/api/things', 'get', 'parameters')).toMatchObject([
      { name: 'limit', in: 'query', required: false, schema: { type: 'integer', maximum: 200 } },
      { name: 'cursor', in: 'query', required: false, schema: { type: 'string' } },
    ]);
    const put = at('paths', '/api/things/{id}/parts/{part_id}', 'put') as Record<string, unknown>;
    expect(put['parameters']).toHaveLength(2);
    expect(put['requestBody']).toMatchObject({ required: false });
    expect(at('paths', '/api/things', 'post', 'requestBody')).toMatchObject({ required: true });
    expect(put['security']).toEqual([{ bearer: [] }]);
    expect(at('paths', '/open', 'get', 'security')).toEqual([]);
    expect(at('paths', '/federation/v1/capabilities', 'get', 'security')).toEqual([{ mutualTLS: [] }]);
    expect(at('paths', '/federation/v1/capabilities', 'servers')).toEqual([
      { url: settings.federationUrl, description: 'Mutual TLS listener' },
    ]);
  });

  it('declares parts of a path that no validator names, and says how long to wait', () => {
    const route = at('paths', '/federation/v1/{resource}/{id}', 'get') as Record<string, unknown>;
    expect(route['parameters']).toMatchObject([
      { name: 'resource', in: 'path', required: true, schema: { enum: RESOURCES } },
      { name: 'id', in: 'path', required: true, schema: { format: 'uuid' } },
    ]);
    expect(route['responses']).toMatchObject({ 429: { headers: { 'retry-after': {} } } });
  });

  it('leaves out of a schema what tells a reader nothing', () => {
    const answer = at('paths', '/federation/v1/{resource}/{id}', 'get', 'responses', '200', 'content');
    expect(answer).toMatchObject({
      'application/json': {
        schema: {
          properties: {
            count: { type: 'integer' },
            at: { type: 'string', format: 'date-time' },
            id: { type: 'string', format: 'uuid' },
            embedded: { type: 'array', items: { $ref: '#/components/schemas/Thing' } },
          },
        },
      },
    });
    expect(JSON.stringify(answer)).not.toMatch(/pattern|minimum|\$schema|\$defs/);
  });

  it('reads tags through the wrapper of a sub-app with its own error handler', () => {
    expect(at('paths', '/federation/v1/capabilities', 'get', 'summary')).toBe('C');
  });
});

group('the page of it', () => {
  it('escapes, and needs neither script nor inline style', async () => {
    const page = String(await inTurns(docsSteps(document, '/docs/style.css', '/openapi.json')));
    expect(page).toContain('List &lt;things&gt;');
    expect(page).not.toMatch(/<script|<style|\sstyle=|\son\w+=/i);
    expect(page).toContain('<a href="#schema-Thing">Thing</a>');
    for (const path of ['/api/things', '/open', 'grant_revoked']) expect(page).toContain(path);
  });
});

group('F-4 work in steps', () => {
  it('lets others have the loop after each of them', async () => {
    const done: string[] = [];
    function* steps(): Generator<void, string> {
      for (const name of ['first', 'second', 'third']) {
        setImmediate(() => done.push(`other, after the ${name}`));
        done.push(name);
        yield;
      }
      return 'made';
    }
    expect(await inTurns(steps())).toBe('made');
    expect(done).toEqual([
      'first',
      'other, after the first',
      'second',
      'other, after the second',
      'third',
      'other, after the third',
    ]);
  });

  it('are one for each route, operation and schema', async () => {
    const count = (steps: Generator<void>): number => [...steps].length;
    const sources = [{ surface: 'public' as const, routes: app.routes }];
    expect(count(openapiSteps(settings, '1.2.3', sources) as Generator<void>)).toBe(4);
    const schemas = Object.keys(at('components', 'schemas') as object).length;
    expect(count(docsSteps(document, '/s', '/d') as Generator<void>)).toBe(6 + schemas);
  });
});
