import type { Context } from 'hono';
import type { Actor } from '../../src/kernel/actor.ts';
import type { AppEnv } from '../http/http.ts';

/** Who asks, behind `authenticate`. */
export const actorOf = (c: Context<AppEnv>): Actor => ({
  principal: c.get('principal'),
  traceId: c.get('traceId'),
  parent: c.req.header('traceparent'),
});

/** Holder of that person's list cursors. */
export const holderOf = (c: Context<AppEnv>): string => `user:${c.get('principal').userId}`;
