import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { equalBytes } from '../../domain/bytes.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Deps } from '../../src/app/deps.ts';
import { bootstrap } from '../../src/directory/bootstrap.ts';
import { createEarlyLimit } from '../../src/kernel/early-limit.ts';
import { addressFromEnvironment } from '../http/client-address.ts';
import type { AppEnv } from '../http/http.ts';
import { describe, guard } from '../openapi/describe.ts';
import { handle, newTokenShape, showToken, showUser, userShape } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';

const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/;

/** It is called once. */
const EARLY = { capacity: 60, refillPerSecond: 1 } as const;

/**
 * Nobody signs in here yet, so a web page could do it from the browser of whoever reaches this gateway: under a name
 * of its own that it points at us once it is loaded (DNS rebinding). Such a request names that name as its host. An
 * address can't be pointed elsewhere, nor can `localhost`; the names in the configuration are ours.
 *
 * @throws MosaicError `address_blocked`
 */
const assertOwnName = ({ settings }: Deps, host: string): void => {
  if (ADDRESS.test(host) || host === 'localhost' || host.endsWith('.localhost')) return;
  const { federationUrl, enrollmentBaseUrl, serverNames = [] } = settings;
  const own = [federationUrl, enrollmentBaseUrl].map((url) => new URL(url).hostname);
  if ([...own, ...serverNames.map((name) => name.toLowerCase())].includes(host)) return;
  throw new MosaicError('address_blocked', {
    detail:
      'Before there is an administrator, call this gateway by an IP address, by localhost, or by a name of its configuration.',
  });
};

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;
/** What a proxy on this machine may add: then the request comes from elsewhere. */
const FORWARDED = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'cf-connecting-ip',
] as const;
const encoder = new TextEncoder();

/**
 * Whoever reaches the gateway first must not become its administrator (FAULTS F-44): it takes what only its operator can know.
 * @throws MosaicError `setup_token_required`
 */
const assertSetupToken = ({ setup, hash }: Deps, c: Context<AppEnv>, given: string | undefined): void => {
  const isHere =
    LOOPBACK.test(new URL(c.req.url).hostname) && FORWARDED.every((name) => c.req.header(name) === undefined);
  if (setup.isOpenOnLoopback && isHere) return;
  if (given !== undefined && equalBytes(hash(encoder.encode(given)), setup.tokenHash)) return;
  throw new MosaicError('setup_token_required');
};

/** Mounted at /api/bootstrap. */
export const bootstrapRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  const limit = createEarlyLimit(deps, EARLY);
  app.post(
    '/setup',
    describe({
      summary: 'Create the first administrator',
      description:
        'Works once, on a gateway without users. The token’s text is shown this once. `setup_token` is what the gateway printed at its first ' +
        'start; a gateway of tier `local` that listens on loopback alone does without.',
      tags: ['bootstrap'],
      success: {
        status: 201,
        description: 'The administrator and a token that may write.',
        schema: z.strictObject({ user: userShape, token: newTokenShape }),
        headers: { location: 'Where the user is.' },
      },
      errors: ['already_bootstrapped', 'address_blocked', 'setup_token_required'],
    }),
    guard<MiddlewareHandler<AppEnv>>(
      (c, next) => {
        limit(addressFromEnvironment(c));
        assertOwnName(deps, new URL(c.req.url).hostname);
        return next();
      },
      ['rate_limited'],
    ),
    validate('json', z.strictObject({ name: handle, setup_token: z.string().min(1).max(100).optional() })),
    async (c) => {
      const { name, setup_token: setupToken } = c.req.valid('json');
      assertSetupToken(deps, c, setupToken);
      const { user, token, text } = await bootstrap(deps, { name }, c.get('traceId'));
      c.header('location', `/api/admin/users/${user.id}`);
      return c.json({ user: showUser(user), token: { ...showToken(token), text } }, 201);
    },
  );
  return app;
};
