import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/deps.ts';
import type { AppEnv } from '../http.ts';
import type { OpenapiSource } from './collect.ts';
import { describe } from './describe.ts';
import { openapiDocument } from './document.ts';
import { docsPage } from './page.ts';
import type { JsonObject } from './schemas.ts';
import { DOCS_STYLE } from './style.ts';

export interface OpenapiOptions {
  readonly version: string;
  /** Called at the first request, when every route is registered. */
  readonly sources: () => readonly OpenapiSource[];
}

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Mounted at /: the API's document, and a page of it for people. */
export const openapiRoutes = (deps: Deps, { version, sources }: OpenapiOptions): Hono<AppEnv> => {
  let made: JsonObject | undefined;
  const document = (): JsonObject => (made ??= openapiDocument(deps.settings, version, sources()));
  const app = new Hono<AppEnv>();
  app.get(
    '/openapi.json',
    describe({
      summary: 'This API as an OpenAPI 3.1 document',
      tags: ['operations'],
      success: {
        status: 200,
        description: 'The document.',
        schema: z.looseObject({ openapi: z.literal('3.1.0') }),
      },
    }),
    (c) => c.json(document()),
  );
  app.get(
    '/docs',
    describe({
      summary: 'This API as a page to read',
      tags: ['operations'],
      success: { status: 200, description: 'HTML without script.', contentType: 'text/html' },
    }),
    (c) => {
      c.header('content-security-policy', PAGE_POLICY);
      return c.html(docsPage(document(), '/docs/style.css', '/openapi.json'));
    },
  );
  app.get(
    '/docs/style.css',
    describe({
      summary: 'Style of that page',
      tags: ['operations'],
      success: { status: 200, description: 'CSS.', contentType: 'text/css' },
    }),
    (c) => c.body(DOCS_STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }),
  );
  return app;
};
