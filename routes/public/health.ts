import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/deps.ts';
import { readiness, SERVICES, type ServiceState } from '../../src/services/readiness.ts';
import type { AppEnv } from '../http.ts';
import { describe } from '../openapi/describe.ts';

const serviceShape = z.strictObject({ status: z.enum(['ok', 'unreachable']), latency_ms: z.number().int() });

const readyShape = z
  .strictObject({
    status: z.enum(['ready', 'unavailable']),
    services: z.record(z.enum(SERVICES), serviceShape),
  })
  .meta({ id: 'Readiness' });

const showService = ({ status, latencyMs }: ServiceState): z.infer<typeof serviceShape> => ({
  status,
  latency_ms: latencyMs,
});

/** Mounted at /: whether the process lives, and whether it can do its work. */
export const healthRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.get(
    '/health',
    describe({
      summary: 'The process is alive',
      tags: ['operations'],
      success: { status: 200, description: 'It is.', schema: z.strictObject({ status: z.literal('ok') }) },
    }),
    (c) => c.json({ status: 'ok' }),
  );
  app.get(
    '/ready',
    describe({
      summary: 'Every service the gateway needs answers',
      description: 'The same document with status 503 when one of them does not.',
      tags: ['operations'],
      success: { status: 200, description: 'Ready.', schema: readyShape },
      otherAnswers: [{ status: 503, description: 'A service does not answer.', schema: readyShape }],
    }),
    async (c) => {
      const { ready, services } = await readiness(deps);
      const { database, kv, ca } = services;
      return c.json(
        {
          status: ready ? 'ready' : 'unavailable',
          services: { database: showService(database), kv: showService(kv), ca: showService(ca) },
        },
        ready ? 200 : 503,
      );
    },
  );
  return app;
};
