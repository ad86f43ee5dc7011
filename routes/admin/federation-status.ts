import { Hono } from 'hono';
import { z } from 'zod';
import { DATABASE_CONDITIONS } from '../../domain/database/state.ts';
import { FRONT_STATUSES } from '../../domain/status/health.ts';
import type { OutboundDeps } from '../../src/outbound/deps.ts';
import {
  federationStatus,
  type FederationStatus,
  type PeerStatus,
} from '../../src/operations/federation-status.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { findingShape, light, showFinding } from '../public/health-shapes.ts';
import { peerShape, showPeer } from '../query/peer-shapes.ts';
import { noQuery, timestamp } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';

const statusShape = z
  .strictObject({
    status: light.meta({ description: 'The worst of everything below.' }),
    findings: z
      .array(findingShape.extend({ peer: z.string().nullable() }))
      .meta({ description: 'What is wrong, and what to do about it. Empty: green.' }),
    at: timestamp,
    gateway: z.string(),
    peers: z.array(peerShape.extend({ status: light })).meta({ description: 'Those this gateway asks.' }),
    more_peers: z.boolean(),
    cache: z.strictObject({
      hits: z.int(),
      misses: z.int(),
      hit_rate: z.number().nullable().meta({ description: '0 to 1; null before the first question.' }),
    }),
    audit: z.strictObject({
      accepted: z.int(),
      written: z.int(),
      dropped: z.int(),
      waiting: z.int().meta({ description: 'Accepted, neither written nor dropped yet.' }),
    }),
    alerts: z.strictObject({
      raised: z
        .record(z.string(), z.int())
        .meta({ description: 'Log lines with `alert` since the start, by name.' }),
      last: z.record(z.string(), timestamp).meta({ description: 'When each came last.' }),
      lost: z.int().meta({ description: 'Alerts that the webhook did not accept.' }),
    }),
    revocation: z.strictObject({ status: z.enum(['current', 'lost']), epoch: z.int() }),
    database: z.strictObject({
      condition: z.enum(DATABASE_CONDITIONS),
      since: timestamp,
      cure: z.string().nullable().meta({ description: 'What the operator does about it.' }),
    }),
    services: z.strictObject({
      kv: z.enum(['ok', 'unreachable']),
      ca: z.enum(['ok', 'unreachable']),
    }),
    front: z
      .strictObject({
        status: z.enum(FRONT_STATUSES),
        certificate_not_after: timestamp,
        crl_next_update: timestamp,
        refused_lists: z.int(),
      })
      .nullable()
      .meta({ description: 'null where the gateway does not manage the TLS front.' }),
  })
  .meta({ id: 'FederationStatus', description: 'Counters are those of the process that answers.' });

const showOne = ({ peer, circuit, light: status }: PeerStatus) => ({ ...showPeer(peer, circuit), status });

const show = (status: FederationStatus): z.infer<typeof statusShape> => {
  const { cache, audit, alerts, revocation, services, front } = status;
  const { state: database } = services.database;
  const asked = cache.hits + cache.misses;
  const { accepted, written, dropped } = audit;
  return {
    status: status.status,
    findings: status.findings.map((one) => ({ ...showFinding(one), peer: one.peer })),
    at: status.at.toISOString(),
    gateway: status.gateway,
    peers: status.peers.map(showOne),
    more_peers: status.more,
    cache: { ...cache, hit_rate: asked === 0 ? null : Math.round((cache.hits / asked) * 1000) / 1000 },
    audit: { accepted, written, dropped, waiting: accepted - written - dropped },
    alerts: {
      raised: { ...alerts.raised },
      last: Object.fromEntries(Object.entries(alerts.last).map(([name, at]) => [name, at.toISOString()])),
      lost: alerts.lost,
    },
    revocation: { status: revocation.isLost ? 'lost' : 'current', epoch: revocation.epoch },
    database: { ...database, since: database.since.toISOString() },
    services: { kv: services.kv.status, ca: services.ca.status },
    front:
      front === null
        ? null
        : {
            status: front.status,
            certificate_not_after: front.certificateNotAfter.toISOString(),
            crl_next_update: front.crlNextUpdate.toISOString(),
            refused_lists: front.refusedLists,
          },
  };
};

/** Mounted at /api/admin/federation. */
export const federationStatusRoutes = (deps: OutboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());
  app.get(
    '/status',
    describe({
      summary: 'Show the state of this gateway’s federation',
      tags: ['peers'],
      success: { status: 200, description: 'Peers, circuits, cache, audit, alerts.', schema: statusShape },
    }),
    validate('query', noQuery),
    async (c) => c.json(show(await federationStatus(deps))),
  );
  return app;
};
