import { Hono } from 'hono';
import { z } from 'zod';
import { toHex } from '../../domain/bytes.ts';
import type { Deps } from '../../src/app/deps.ts';
import { answerCacheable, limitPages, NOT_MODIFIED, type Cacheable } from '../http/conditional.ts';
import type { AppEnv } from '../http/http.ts';
import type { OpenapiSource } from './collect.ts';
import { describe } from './describe.ts';
import { openapiSteps } from './document.ts';
import { docsSteps } from './page.ts';
import { inTurns, pause } from './steps.ts';
import { DOCS_STYLE } from './style.ts';

export interface OpenapiOptions {
  readonly version: string;
  /** Called at the first request, when every route is registered. */
  readonly sources: () => readonly OpenapiSource[];
}

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Rendered {
  readonly document: Cacheable;
  readonly page: Cacheable;
  readonly style: Cacheable;
}

/** A new release has other texts: a browser asks again after a minute, and is told that it has them still. */
const MAX_AGE_SECONDS = 60;
const TAG_LENGTH = 32;

const render = async (
  { hash, settings }: Pick<Deps, 'hash' | 'settings'>,
  { version, sources }: OpenapiOptions,
): Promise<Rendered> => {
  const encoder = new TextEncoder();
  const cacheable = (contentType: string, text: string): Cacheable => {
    const body = encoder.encode(text);
    return { body, contentType, tag: toHex(hash(body)).slice(0, TAG_LENGTH), maxAgeSeconds: MAX_AGE_SECONDS };
  };
  const routes = sources();
  await pause();
  const document = await inTurns(openapiSteps(settings, version, routes));
  const page = await inTurns(docsSteps(document, '/docs/style.css', '/openapi.json'));
  const html = cacheable('text/html; charset=UTF-8', String(page));
  await pause();
  return {
    document: cacheable('application/json', JSON.stringify(document)),
    page: html,
    style: cacheable('text/css; charset=utf-8', DOCS_STYLE),
  };
};

/** Mounted at /: the API's document, and a page of it for people. */
export const openapiRoutes = (deps: Deps, options: OpenapiOptions): Hono<AppEnv> => {
  let made: Promise<Rendered> | undefined;
  /** Rendered once: every reader gets the same text, and whoever has it gets 304. */
  const rendered = (): Promise<Rendered> => (made ??= render(deps, options));
  const app = new Hono<AppEnv>();
  const limited = limitPages(deps);
  for (const path of ['/openapi.json', '/docs', '/docs/*']) app.use(path, limited);
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
      otherAnswers: [NOT_MODIFIED],
    }),
    async (c) => answerCacheable(c, (await rendered()).document),
  );
  app.get(
    '/docs',
    describe({
      summary: 'This API as a page to read',
      tags: ['operations'],
      success: { status: 200, description: 'HTML without script.', contentType: 'text/html' },
      otherAnswers: [NOT_MODIFIED],
    }),
    async (c) => {
      c.header('content-security-policy', PAGE_POLICY);
      return answerCacheable(c, (await rendered()).page);
    },
  );
  app.get(
    '/docs/style.css',
    describe({
      summary: 'Style of that page',
      tags: ['operations'],
      success: { status: 200, description: 'CSS.', contentType: 'text/css' },
      otherAnswers: [NOT_MODIFIED],
    }),
    async (c) => answerCacheable(c, (await rendered()).style),
  );
  return app;
};
