import type { Context, MiddlewareHandler } from 'hono';
import { MosaicError } from '../../domain/errors.ts';
import type { Deps } from '../../src/app/deps.ts';
import { hashToken, isMarked, isTokenText } from '../../src/directory/tokens-text.ts';
import { addressFromEnvironment } from '../http/client-address.ts';
import { acceptRequest, type AppEnv } from '../http/http.ts';
import { guard } from '../openapi/describe.ts';
import { ORDINARY_BYTES, withinWork } from './work.ts';

/** The token of an `Authorization: Bearer …` header, or null when it can't be one of ours. */
export const bearerToken = (header: string | undefined): string | null => {
  const text = /^bearer +(\S{1,100})$/i.exec(header ?? '')?.[1];
  return text !== undefined && isTokenText(text) ? text : null;
};

/**
 * Looks the token of a request up, unless too many from its address were wrong (FAULTS F-19).
 * @throws MosaicError `unauthenticated`, the same for every reason; `rate_limited`
 */
const signIn = async <T>(
  deps: Deps,
  c: Context<AppEnv>,
  lookUp: (hash: string, now: Date) => Promise<T | null>,
): Promise<T> => {
  const token = bearerToken(c.req.header('authorization'));
  // What cannot be a token of ours costs nothing.
  if (token === null) throw new MosaicError('unauthenticated');
  const hash = hashToken(token, deps.hash);
  const settle = deps.signIns.begin(addressFromEnvironment(c), hash, () =>
    isMarked(token, deps.keys.cursorMac),
  );
  let isGood: boolean | null = null;
  try {
    const found = await lookUp(hash, deps.clock.now());
    isGood = found !== null;
    if (found !== null) return found;
  } finally {
    settle(isGood);
  }
  throw new MosaicError('unauthenticated');
};

/** Upper bound of the memory a request takes, in bytes. */
type WorkOf = (c: Context<AppEnv>) => number;

const ordinaryWork: WorkOf = () => ORDINARY_BYTES;

/**
 * Sets `principal` from the bearer token, and waits for the person's turn.
 * @throws MosaicError `unauthenticated`, the same for every reason; `unavailable` when too much waits already
 */
export const authenticate = (deps: Deps, workOf: WorkOf = ordinaryWork): MiddlewareHandler<AppEnv> =>
  guard<MiddlewareHandler<AppEnv>>(
    async (c, next) => {
      const identify = async (): Promise<void> => {
        const { tokens } = deps.storage.stores;
        c.set('principal', await signIn(deps, c, (hash, now) => tokens.principal(hash, now)));
      };
      await identify();
      acceptRequest(c);
      await withinWork(c, deps, workOf(c), identify, next);
    },
    ['unauthenticated', 'rate_limited', 'unavailable'],
    'bearer',
  );

/**
 * The same, and sets `peers`: those of the person, read by the very statement that knows the token, so that a question to
 * peers costs one round trip and goes by what the database says of them now.
 */
export const authenticateAsker = (deps: Deps, workOf: WorkOf): MiddlewareHandler<AppEnv> =>
  guard<MiddlewareHandler<AppEnv>>(
    async (c, next) => {
      const identify = async (): Promise<void> => {
        const { tokens } = deps.storage.stores;
        const asker = await signIn(deps, c, (hash, now) => tokens.asker(hash, now));
        c.set('principal', asker.principal);
        c.set('peers', asker.peers);
      };
      await identify();
      acceptRequest(c);
      await withinWork(c, deps, workOf(c), identify, next);
    },
    ['unauthenticated', 'rate_limited', 'unavailable'],
    'bearer',
  );

/** Reading tokens may only read. @throws MosaicError `read_only_token` */
export const requireWrite = (): MiddlewareHandler<AppEnv> =>
  guard<MiddlewareHandler<AppEnv>>(
    async (c, next) => {
      if (c.get('principal').access !== 'write') throw new MosaicError('read_only_token');
      await next();
    },
    ['read_only_token'],
  );

/**
 * Administrators only, with a token that may write: a read-only token opens no admin route at all, lists
 * included (ABUSE 80). @throws MosaicError `forbidden`, `read_only_token`
 */
export const requireAdmin = (): MiddlewareHandler<AppEnv> =>
  guard<MiddlewareHandler<AppEnv>>(
    async (c, next) => {
      const { isAdmin, access } = c.get('principal');
      if (!isAdmin) throw new MosaicError('forbidden', { detail: 'Only an administrator may do this.' });
      if (access !== 'write') throw new MosaicError('read_only_token');
      await next();
    },
    ['forbidden', 'read_only_token'],
  );
