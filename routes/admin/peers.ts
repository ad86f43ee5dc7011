import { Hono } from 'hono';
import { z } from 'zod';
import { RESOURCES } from '../../domain/resources.ts';
import type { Peer } from '../../domain/ports/peers.ts';
import { reconcilePeer } from '../../src/outbound/audit/audit-reconcile.ts';
import { addPeer, type FirstCall } from '../../src/outbound/peers/peer-add.ts';
import { circuitOf, deletePeer, getPeer, listPeers, renewPeerNow } from '../../src/peers/peers.ts';
import { resumePeer, suspendPeer } from '../../src/peers/peer-suspend.ts';
import { actorOf, holderOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../http/paging.ts';
import { peerShape, showPeer } from '../query/peer-shapes.ts';
import { handle, idParam, uuid } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import type { InboundDeps } from '../../src/inbound/deps.ts';
import type { OutboundDeps } from '../../src/outbound/deps.ts';

const tags = ['peers'];
const direction = z.enum(['inbound', 'outbound']);

const addShape = z.strictObject({
  enrollment_url: z.string().min(1).max(2_048).meta({ description: 'All of it, with the part after #.' }),
  user: handle.meta({ description: 'Id or name of the local user who will ask this peer.' }),
  name: handle.optional().meta({ description: 'What to call the peer; by default what it calls itself.' }),
});

const firstCallShape = z.union([
  z.strictObject({
    ok: z.literal(true),
    gateway: z.string(),
    resources: z.array(z.enum(RESOURCES)),
    max_rows_per_query: z.number(),
  }),
  z.strictObject({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);

const addedShape = peerShape.extend({ first_call: firstCallShape }).meta({ id: 'AddedPeer' });

const reconciliationShape = z
  .strictObject({
    verdict: z.enum(['agrees', 'incomplete', 'contradicts']),
    key: z.enum(['pinned', 'first_seen', 'changed']).meta({ description: 'Of the peer’s checkpoints.' }),
    places: z.array(
      z.strictObject({
        writer_id: uuid,
        seq: z.int(),
        signed: z
          .boolean()
          .meta({ description: 'The peer has signed this entry in a checkpoint, and not only reported it.' }),
        verdict: z.enum(['agrees', 'changed', 'missing', 'lost_tail', 'dropped', 'two_heads', 'unsigned']),
      }),
    ),
  })
  .meta({ id: 'AuditReconciliation' });

const showFirstCall = (call: FirstCall): z.infer<typeof firstCallShape> =>
  call.ok
    ? {
        ok: true,
        gateway: call.capabilities.gateway,
        resources: [...call.capabilities.resources],
        max_rows_per_query: call.capabilities.max_rows_per_query,
      }
    : call;

/** Mounted at /api/admin/peers. */
export const peerRoutes = (deps: InboundDeps & OutboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());
  const shown = (peer: Peer) => showPeer(peer, circuitOf(deps, peer.id));

  app.get(
    '/',
    describe({
      summary: 'List peers, newest first',
      tags,
      success: { status: 200, description: 'One page.', schema: pageOf(peerShape) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject({ ...pageQuery, direction: direction.optional() })),
    async (c) => {
      const filters = { direction: c.req.valid('query').direction };
      const holder = holderOf(c);
      const filter = filters.direction === undefined ? {} : { direction: filters.direction };
      const page = await listPeers(deps, readPage(deps, c, holder, 'peers', filters), filter);
      return c.json(writePage(deps, page, shown, holder, 'peers', filters));
    },
  );

  app.post(
    '/',
    describe({
      summary: 'Enroll with another gateway',
      description:
        'Makes a key that stays here, pins the serving gateway’s authority before the token is sent, and gets a certificate. ' +
        '`first_call` tells whether it works at once; the peer stays either way.',
      tags,
      success: {
        status: 201,
        description: 'Enrolled.',
        schema: addedShape,
        headers: { location: 'Where it is.' },
      },
      errors: [
        'invalid_enrollment_url',
        'address_refused',
        'ca_pin_mismatch',
        'conflict',
        'grant_claimed',
        'token_unknown',
        'token_used',
        'token_expired',
        'rate_limited',
        'peer_unreachable',
        'peer_timeout',
        'peer_refused',
        'peer_protocol',
        'ca_unavailable',
      ],
    }),
    validate('json', addShape),
    async (c) => {
      const { enrollment_url: enrollmentUrl, user, name } = c.req.valid('json');
      const { peer, firstCall } = await addPeer(deps, actorOf(c), { enrollmentUrl, user, name });
      c.header('location', `/api/admin/peers/${peer.id}`);
      return c.json({ ...shown(peer), first_call: showFirstCall(firstCall) }, 201);
    },
  );

  app.get(
    '/:id',
    describe({
      summary: 'Show a peer',
      tags,
      success: { status: 200, description: 'The peer.', schema: peerShape },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => c.json(shown(await getPeer(deps, c.req.valid('param').id))),
  );

  app.post(
    '/:id/renew',
    describe({
      summary: 'Renew the certificate of a peer now',
      description: 'Only for an outbound peer. The gateway renews it automatically when it is due.',
      tags,
      success: { status: 200, description: 'Renewed.', schema: peerShape },
      errors: [
        'not_found',
        'invalid_transition',
        'conflict',
        'peer_refused',
        'peer_unreachable',
        'peer_timeout',
        'peer_protocol',
      ],
    }),
    validate('param', idParam),
    async (c) => c.json(shown(await renewPeerNow(deps, actorOf(c), c.req.valid('param').id))),
  );

  app.post(
    '/:id/suspend',
    describe({
      summary: 'Suspend a peer until it is resumed',
      description:
        'When it answers, no request sent afterwards gets a row of an inbound peer, and no statement that could still see it ' +
        'runs, on any replica. Grants and certificates stay.',
      tags,
      success: { status: 200, description: 'Suspended.', schema: peerShape },
      errors: ['not_found', 'invalid_transition', 'conflict'],
    }),
    validate('param', idParam),
    async (c) => c.json(shown(await suspendPeer(deps, actorOf(c), c.req.valid('param').id))),
  );

  app.post(
    '/:id/resume',
    describe({
      summary: 'Resume a suspended peer',
      tags,
      success: { status: 200, description: 'Active again.', schema: peerShape },
      errors: ['not_found', 'invalid_transition', 'conflict'],
    }),
    validate('param', idParam),
    async (c) => c.json(shown(await resumePeer(deps, actorOf(c), c.req.valid('param').id))),
  );

  app.post(
    '/:id/reconcile',
    describe({
      summary: 'Compare what a peer has said of its audit log with what it says now',
      description:
        'Of a peer that we ask. Nothing is changed, but that the peer’s key is pinned where it was not.',
      tags,
      success: { status: 200, description: 'Entry by entry.', schema: reconciliationShape },
      errors: [
        'not_found',
        'invalid_transition',
        'peer_refused',
        'peer_unreachable',
        'peer_timeout',
        'peer_protocol',
      ],
    }),
    validate('param', idParam),
    async (c) => {
      const result = await reconcilePeer(deps, c.req.valid('param').id, actorOf(c));
      const { verdict, key, places } = result;
      return c.json({
        verdict,
        key,
        places: places.map((place) => ({
          writer_id: place.writerId,
          seq: place.seq,
          signed: place.isSigned,
          verdict: place.verdict,
        })),
      });
    },
  );

  app.delete(
    '/:id',
    describe({
      summary: 'Remove a peer',
      description: 'What an inbound peer was granted is revoked; grants and audit entries stay.',
      tags,
      success: { status: 204, description: 'Removed.' },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => {
      await deletePeer(deps, actorOf(c), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  return app;
};
