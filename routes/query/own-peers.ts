import { Hono } from 'hono';
import { circuitOf } from '../../src/peers/peers.ts';
import { peersOf } from '../../src/outbound/peers/own-peers.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf } from '../http/paging.ts';
import { ownPeerShape, showOwnPeer } from './peer-shapes.ts';
import type { OutboundDeps } from '../../src/outbound/deps.ts';

/** Mounted at /api/peers. */
export const ownPeerRoutes = (deps: OutboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps));
  app.get(
    '/',
    describe({
      summary: 'List your own peers: the gateways you may ask',
      tags: ['query'],
      success: { status: 200, description: 'All of them.', schema: pageOf(ownPeerShape) },
    }),
    async (c) => {
      const peers = await peersOf(deps, c.get('principal').userId);
      return c.json({
        items: peers.map((peer) => showOwnPeer(peer, circuitOf(deps, peer.id))),
        next_cursor: null,
      });
    },
  );
  return app;
};
