import { Hono, type MiddlewareHandler } from 'hono';
import { describe as group, expect, it } from 'vitest';
import type { Principal } from '../../domain/access/decide.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { AskedPeer } from '../../domain/ports/peers.ts';
import type { Deps } from '../../src/app/deps.ts';
import { hashToken } from '../../src/directory/tokens-text.ts';
import { sha256 } from '../../src/kernel/mac.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, authenticateAsker, requireAdmin, requireWrite } from './auth.ts';

const NOW = new Date('2026-03-01T09:00:00.000Z');
const TOKEN = `mos_${'a'.repeat(43)}`;
const ANN: Principal = { userId: 'ann', isAdmin: false, access: 'read' };
const PEERS = [{ id: 'peer', name: 'work' }] as unknown as readonly AskedPeer[];

type Asked = readonly [verb: string, hash: string, now: Date];

/** What the middleware asks of the rest of the gateway, each written down. */
const world = () => {
  const told = {
    looked: [] as Asked[],
    begun: [] as (readonly [string, string])[],
    settled: [] as (boolean | null)[],
    entered: [] as (readonly [string, number])[],
    accepted: 0,
    released: 0,
  };
  const hands: { found: (times: number) => Principal | null; hasWaited: boolean } = {
    found: () => ANN,
    hasWaited: false,
  };
  const look = <T>(verb: string, hash: string, now: Date, make: (principal: Principal) => T) => {
    told.looked.push([verb, hash, now]);
    const principal = hands.found(told.looked.length);
    return Promise.resolve(principal === null ? null : make(principal));
  };
  const deps = {
    hash: sha256,
    clock: { now: () => NOW },
    keys: { cursorMac: sha256 },
    signIns: {
      begin: (address: string, hash: string) => {
        told.begun.push([address, hash]);
        return (isGood: boolean | null) => void told.settled.push(isGood);
      },
    },
    storage: {
      stores: {
        tokens: {
          principal: (hash: string, now: Date) => look('principal', hash, now, (found) => found),
          asker: (hash: string, now: Date) =>
            look('asker', hash, now, (principal) => ({ principal, peers: PEERS })),
        },
      },
    },
    work: {
      enter: ({ party }: { readonly party: string }, bytes: number) => {
        told.entered.push([party, bytes]);
        return Promise.resolve({
          hasWaited: hands.hasWaited,
          isSending: false,
          release: () => void (told.released += 1),
        });
      },
    },
  } as unknown as Deps;
  const ask = async (
    middleware: readonly MiddlewareHandler<AppEnv>[],
    authorization: string | null = `Bearer ${TOKEN}`,
  ) => {
    const app = new Hono<AppEnv>();
    app.onError((error, c) =>
      error instanceof MosaicError ? c.json({ code: error.code }, error.status as 400) : c.json({}, 500),
    );
    app.use(async (c, next) => {
      c.set('traceId', 'trace');
      c.set('requestLog', {
        accepted: () => {
          told.accepted += 1;
          return 'line';
        },
      } as unknown as NonNullable<AppEnv['Variables']['requestLog']>);
      await next();
    });
    app.get('/', ...(middleware as [MiddlewareHandler<AppEnv>]), (c) =>
      c.json({ principal: c.get('principal'), peers: c.get('peers') ?? null, held: told.released === 0 }),
    );
    const answer = await app.request('/', authorization === null ? {} : { headers: { authorization } }, {
      clientAddress: '198.51.100.7',
    });
    const body: unknown = await answer.json();
    return [answer.status, body] as const;
  };
  return { deps, told, hands, ask };
};

group.each([
  ['authenticate', (deps: Deps) => authenticate(deps), 'principal', null, 256 * 1024],
  ['authenticateAsker', (deps: Deps) => authenticateAsker(deps, () => 77), 'asker', PEERS, 77],
] as const)('MUTANTS middleware/auth %s', (_name, make, verb, peers, bytes) => {
  it('says who asks, by the hash of the token and the time, within their work', async () => {
    const { deps, told, ask } = world();
    expect(await ask([make(deps)])).toEqual([200, { principal: ANN, peers, held: true }]);
    const hash = hashToken(TOKEN);
    expect(told).toEqual({
      looked: [[verb, hash, NOW]],
      begun: [['198.51.100.7', hash]],
      settled: [true],
      entered: [['user ann', bytes]],
      accepted: 1,
      released: 1,
    });
  });

  it('looks whoever has waited up again, and goes by what is found then', async () => {
    const { deps, told, hands, ask } = world();
    hands.hasWaited = true;
    const later: Principal = { ...ANN, isAdmin: true };
    hands.found = (times) => (times === 1 ? ANN : later);
    expect(await ask([make(deps)])).toEqual([200, { principal: later, peers, held: true }]);
    hands.found = (times) => (times === 3 ? ANN : null);
    expect(await ask([make(deps)])).toEqual([401, { code: 'unauthenticated' }]);
    expect([told.looked.length, told.released]).toEqual([4, 2]);
  });

  it('knows nobody by a token that is none of ours, which limits its address', async () => {
    const { deps, told, hands, ask } = world();
    hands.found = () => null;
    expect(await ask([make(deps)])).toEqual([401, { code: 'unauthenticated' }]);
    expect([told.settled, told.accepted, told.entered]).toEqual([[false], 0, []]);
  });

  it('asks nobody without a token', async () => {
    const { deps, told, ask } = world();
    for (const header of [null, 'Bearer', 'Bearer mos_x'])
      expect(await ask([make(deps)], header)).toEqual([401, { code: 'unauthenticated' }]);
    expect([told.begun, told.looked]).toEqual([[], []]);
  });

  it('takes a database that does not answer for neither a good token nor a wrong one', async () => {
    const { deps, told, hands, ask } = world();
    hands.found = () => {
      throw new MosaicError('database_unavailable');
    };
    expect((await ask([make(deps)]))[0]).toBe(503);
    expect(told.settled).toEqual([null]);
  });
});

group('MUTANTS middleware/auth what a person may', () => {
  it.each([
    ['requireWrite', requireWrite(), { access: 'read', isAdmin: true }, 'read_only_token'],
    ['requireWrite', requireWrite(), { access: 'write', isAdmin: false }, null],
    ['requireAdmin', requireAdmin(), { access: 'write', isAdmin: false }, 'forbidden'],
    ['requireAdmin', requireAdmin(), { access: 'read', isAdmin: false }, 'forbidden'],
    ['requireAdmin', requireAdmin(), { access: 'read', isAdmin: true }, 'read_only_token'],
    ['requireAdmin', requireAdmin(), { access: 'write', isAdmin: true }, null],
  ] as const)('%s (%#)', async (_name, required, may, refusal) => {
    const { deps, hands, ask } = world();
    hands.found = () => ({ ...ANN, ...may });
    const [status, body] = await ask([authenticate(deps), required]);
    if (refusal === null) expect(status).toBe(200);
    else expect([status, body]).toEqual([403, { code: refusal }]);
  });
});
