import type { MiddlewareHandler } from 'hono';
import { MosaicError, toProblem } from '../../domain/errors.ts';
import type { InboundDeps } from '../../src/inbound/deps.ts';
import type { EpochKeeper } from '../../src/inbound/revocation/revocation-epoch.ts';
import { createStatements } from '../../src/inbound/revocation/revocation-statements.ts';
import { EPOCH_HEADER } from '../../src/protocol/statement.ts';
import { answerIdOf, type AppEnv } from '../http/http.ts';
import { inboundOf } from './inbound.ts';

/** Adds to the refusal of a revoked grant the statement that its holder may believe. */
export const stateRevocations = (deps: InboundDeps): MiddlewareHandler<AppEnv> => {
  const statementFor = createStatements(deps);
  return async (c, next) => {
    await next();
    const { error } = c;
    if (!(error instanceof MosaicError) || error.code !== 'grant_revoked') return;
    const { caller } = inboundOf(c);
    const statement = caller === null ? null : await statementFor(caller);
    if (statement === null) return;
    const body = JSON.stringify({ ...toProblem(error, answerIdOf(c)), statement });
    const headers = new Headers(c.res.headers);
    // Not merged with the answer it replaces.
    c.res = undefined;
    c.res = new Response(c.req.method === 'HEAD' ? null : body, { status: error.status, headers });
  };
};

const waitAndGo = async (keeper: EpochKeeper, token: string | undefined, next: () => Promise<void>) => {
  await keeper.ready();
  await keeper.heed(token);
  keeper.assertCurrent();
  await next();
};

/** Refuses everyone while the database is older than what was published; usually waits for nothing. */
export const guardEpoch = (deps: InboundDeps): MiddlewareHandler<AppEnv> => {
  const keeper = deps.epochs;
  return (c, next) => {
    const token = c.req.header(EPOCH_HEADER);
    if (keeper.isAtHand(token)) {
      keeper.assertCurrent();
      return next();
    }
    return waitAndGo(keeper, token, next);
  };
};
