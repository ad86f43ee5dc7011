import { Hono } from 'hono';
import { z } from 'zod';
import { DATABASE_CONDITIONS } from '../../domain/database/state.ts';
import { FRONT_STATUSES, withoutPeers, type PeerStanding } from '../../domain/status/health.ts';
import type { FrontState } from '../../src/app/deps.ts';
import {
  readiness,
  readStandings,
  type DatabaseServiceState,
  type Readiness,
  type ServiceState,
} from '../../src/operations/readiness.ts';
import type { AppEnv } from '../http/http.ts';
import { describe } from '../openapi/describe.ts';
import { timestamp } from '../http/shapes.ts';
import { findingShape, light, showFinding } from './health-shapes.ts';
import type { OutboundDeps } from '../../src/outbound/deps.ts';

const serviceShape = z.strictObject({ status: z.enum(['ok', 'unreachable']), latency_ms: z.number().int() });

const databaseShape = serviceShape.extend({
  condition: z.enum(DATABASE_CONDITIONS).optional().meta({ description: 'Absent: `ok`.' }),
  since: timestamp.optional(),
  cure: z.string().optional().meta({ description: 'What the operator does about it.' }),
});

const frontShape = z.strictObject({
  status: z.enum(FRONT_STATUSES),
  certificate_not_after: timestamp,
  crl_number: z.string().meta({ description: 'Decimal.' }),
  crl_next_update: timestamp,
  refused_lists: z.number().int().meta({ description: 'Revocation lists refused since the start.' }),
});

const readyShape = z
  .strictObject({
    status: z.enum(['ready', 'degraded', 'unavailable']),
    health: light.meta({ description: 'The worst of the findings.' }),
    findings: z
      .array(findingShape)
      .meta({ description: 'What is wrong, each once, whichever peers it is about. Empty: green.' }),
    services: z.strictObject({ database: databaseShape, kv: serviceShape, ca: serviceShape }),
    revocations: z.enum(['current', 'lost']).nullable().meta({
      description:
        '`lost`: the database is older than revocations that were published, and peers are refused; null: it does not answer.',
    }),
    front: frontShape.optional().meta({ description: 'The TLS front this gateway keeps files for.' }),
  })
  .meta({ id: 'Readiness' });

const showService = ({ status, latencyMs }: ServiceState): z.infer<typeof serviceShape> => ({
  status,
  latency_ms: latencyMs,
});

const showDatabase = ({ state, ...service }: DatabaseServiceState): z.infer<typeof databaseShape> => ({
  ...showService(service),
  ...(state.condition === 'ok'
    ? {}
    : { condition: state.condition, since: state.since.toISOString(), cure: state.cure ?? '' }),
});

const showFront = (front: FrontState): z.infer<typeof frontShape> => ({
  status: front.status,
  certificate_not_after: front.certificateNotAfter.toISOString(),
  crl_number: String(front.crlNumber),
  crl_next_update: front.crlNextUpdate.toISOString(),
  refused_lists: front.refusedLists,
});

/** Mounted at /: whether the process lives. It needs nothing, so that it says nothing of anything else. */
export const aliveRoutes = (): Hono<AppEnv> => {
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
  return app;
};

const PEERS_MS = 5_000;

/** Mounted at /: whether the process lives, and whether it can do its work. */
export const healthRoutes = (deps: OutboundDeps): Hono<AppEnv> => {
  const app = aliveRoutes();
  let underWay: Promise<Readiness> | null = null;
  let peers: { readonly at: number; readonly standings: readonly PeerStanding[] } | null = null;
  /** Anybody may ask: the peers, which may be many, are read once in a while. */
  const recentStandings = async (): Promise<readonly PeerStanding[]> => {
    const now = deps.clock.now().getTime();
    if (peers !== null && Math.abs(now - peers.at) < PEERS_MS) return peers.standings;
    const standings = await readStandings(deps);
    peers = { at: now, standings };
    return standings;
  };
  /** Anybody may ask, any number of times: all who ask at once share one look at the services. */
  const look = (): Promise<Readiness> =>
    (underWay ??= readiness(deps, recentStandings).finally(() => {
      underWay = null;
    }));
  app.get(
    '/ready',
    describe({
      summary: 'Every service the gateway needs answers',
      description:
        'The same document with status 503 when one of them does not. `degraded`: it serves without the key-value store, with stricter rate limits; without the authority, so that nobody can enroll or renew; no peers until a restore is accepted; or none soon, because the proof of its front cannot be read.',
      tags: ['operations'],
      success: { status: 200, description: 'Ready.', schema: readyShape },
      otherAnswers: [{ status: 503, description: 'A service does not answer.', schema: readyShape }],
    }),
    async (c) => {
      const { status, health, services, revocations, front } = await look();
      const { database, kv, ca } = services;
      return c.json(
        {
          status,
          health: health.status,
          findings: withoutPeers(health.findings).map(showFinding),
          services: { database: showDatabase(database), kv: showService(kv), ca: showService(ca) },
          revocations,
          ...(front === null ? {} : { front: showFront(front) }),
        },
        status === 'unavailable' ? 503 : 200,
      );
    },
  );
  return app;
};
