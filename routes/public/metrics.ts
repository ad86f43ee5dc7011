import { Hono, type MiddlewareHandler } from 'hono';
import { MosaicError } from '../../domain/errors.ts';
import type { MetricsPage } from '../../src/app/deps.ts';
import { hashToken } from '../../src/directory/tokens-text.ts';
import type { AppEnv } from '../http/http.ts';
import { describe, guard } from '../openapi/describe.ts';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The page has a token of its own, which opens nothing else: a scraper's configuration is no place for an administrator's,
 * and a person's token does not open it. Hashes are compared, so that the time it takes says nothing of the token.
 * @throws MosaicError `unauthenticated`
 */
const requireMetricsToken = (tokenHash: string): MiddlewareHandler<AppEnv> =>
  guard<MiddlewareHandler<AppEnv>>(
    async (c, next) => {
      const text = /^bearer +(\S{1,100})$/i.exec(c.req.header('authorization') ?? '')?.[1];
      if (text === undefined || hashToken(text) !== tokenHash) throw new MosaicError('unauthenticated');
      await next();
    },
    ['unauthenticated'],
    'bearer',
  );

/** Mounted at /. Where a token is configured it is asked for on every listener. */
export const metricsRoutes = ({ text, tokenHash }: MetricsPage): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  if (tokenHash !== null) app.use('/metrics', requireMetricsToken(tokenHash));
  app.get(
    '/metrics',
    describe({
      summary: 'Metrics of this process, for Prometheus',
      description: 'Only where telemetry.metrics is configured. The token is the one of the configuration.',
      tags: ['operations'],
      success: { status: 200, description: 'Text format 0.0.4.', contentType: TEXT },
    }),
    async (c) => c.body(await text(), 200, { 'content-type': TEXT }),
  );
  return app;
};
