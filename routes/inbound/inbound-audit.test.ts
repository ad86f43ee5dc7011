import { Hono, type Context } from 'hono';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AuditDraft, Linked } from '../../domain/audit/chain.ts';
import { MosaicError, type ErrorCode } from '../../domain/errors.ts';
import type { Deps } from '../../src/app/deps.ts';
import type { Caller, Serving } from '../../src/inbound/read/serve.ts';
import { answerProblem, type AppEnv } from '../http/http.ts';
import { auditInbound, inboundOf } from './inbound.ts';

/* MUTANTS inbound: what an entry says of a request, and what its answer says of the entry, whatever answers. */
const NOW = new Date('2026-03-01T09:00:00.000Z');
const GRANT = { id: 'grant', peerId: 'peer', subjectUserId: 'ann', auditStrict: false };

type Recorded = readonly [how: string, draft: AuditDraft, traceparent: string | undefined];

const caller = (grant: Partial<typeof GRANT> | null = {}): Caller =>
  ({
    identity: { grantId: 'grant' },
    snapshot: { grant: grant === null ? null : { ...GRANT, ...grant } },
  }) as unknown as Caller;

interface World {
  readonly isWritten?: boolean;
  readonly isCounted?: boolean;
  readonly checkpoint?: string | null;
  readonly isWatched?: boolean;
}

const world = ({
  isWritten = true,
  isCounted = false,
  checkpoint = 'signed',
  isWatched = false,
}: World = {}) => {
  const recorded: Recorded[] = [];
  const record = (how: string, draft: AuditDraft, traceparent: string | undefined): Linked => {
    recorded.push([how, draft, traceparent]);
    return { entry: { ...draft, id: String(recorded.length) } } as unknown as Linked;
  };
  const deps = {
    clock: { now: () => NOW },
    ...(isWatched ? { telemetry: {} } : {}),
    audit: {
      record: (draft: AuditDraft, traceparent?: string) => record('once', draft, traceparent),
      recordRepeated: (kind: string, draft: AuditDraft, traceparent?: string) => {
        const linked = record(kind, draft, traceparent);
        return isCounted ? null : linked;
      },
      recordStrictly: (draft: AuditDraft, traceparent?: string) => ({
        linked: record('strictly', draft, traceparent),
        isWritten: Promise.resolve(isWritten),
      }),
      place: ({ entry }: Linked) => `place of ${entry.id}`,
      checkpointOf: (id: string) => (checkpoint === null ? null : `${checkpoint} of ${id}`),
    },
  } as unknown as Deps;
  const serving = {
    hashQuery: (who: Caller | null, verb: string, asked: unknown) =>
      JSON.stringify([who?.identity.grantId ?? null, verb, asked]),
  } as unknown as Serving;
  const ask = async (
    handle: (c: Context<AppEnv>) => Response | Promise<Response>,
    method = 'GET',
  ): Promise<Response> => {
    const app = new Hono<AppEnv>()
      .onError((error, c) => (error instanceof MosaicError ? answerProblem(c, error) : c.text('broken', 500)))
      .use(async (c, next) => {
        c.set('traceId', 'trace');
        await next();
      })
      .use(auditInbound(deps, serving))
      .get('/', handle);
    return app.request('http://work.example/?q=1', { method, headers: { traceparent: 'of-the-peer' } });
  };
  return { ask, recorded, draft: (at = 0) => recorded[at]?.[1] };
};

afterEach(() => void vi.restoreAllMocks());

describe('MUTANTS inbound what an entry says', () => {
  it.each<readonly [number, ErrorCode | null]>([
    [200, null],
    [304, null],
    [399, null],
    [400, 'invalid_request'],
    [404, 'not_found'],
    [405, 'method_not_allowed'],
    [413, 'payload_too_large'],
    [418, 'internal'],
    [500, 'internal'],
  ])('of an answer with status %i', async (status, code) => {
    const { ask, draft } = world();
    await ask(() => new Response(null, { status }));
    expect(draft()).toMatchObject({ status, reasonCode: code });
  });

  it('of a refusal its own code, and of what broke that it was ours', async () => {
    const { ask, draft } = world();
    await ask(() => {
      throw new MosaicError('certificate_required');
    });
    await ask(() => {
      throw new TypeError('ours');
    });
    expect(draft(0)).toMatchObject({ status: 401, reasonCode: 'certificate_required', outcome: 'denied' });
    expect(draft(1)).toMatchObject({ status: 500, reasonCode: 'internal' });
  });

  it('of a caller whose grant is known: whose data, what was asked, how long it took in microseconds', async () => {
    const times = [100, 112.345_678_9];
    vi.spyOn(performance, 'now').mockImplementation(() => times.shift() ?? 0);
    const { ask, draft } = world();
    await ask((c) => {
      Object.assign(inboundOf(c), {
        caller: caller(),
        verb: 'list',
        resource: 'tasks',
        parameters: { limit: 5 },
      });
      return c.text('12345');
    });
    expect(draft()).toEqual({
      at: NOW,
      grantId: 'grant',
      peerId: 'peer',
      subjectUserId: 'ann',
      actorUserId: null,
      verb: 'list',
      resource: 'tasks',
      action: null,
      queryHash: '["grant","list",{"limit":5}]',
      outcome: 'allowed',
      reasonCode: null,
      status: 200,
      bytesOut: 5,
      latencyMs: 12.346,
      traceId: 'trace',
    });
  });

  it.each([
    ['nobody', null, null],
    ['a certificate whose grant is not known', caller(null), 'grant'],
  ])('of %s nothing but the address', async (_who, who, holder) => {
    const { ask, draft } = world();
    const answer = await ask((c) => {
      inboundOf(c).caller = who;
      return c.text('');
    });
    expect(draft()).toMatchObject({
      grantId: null,
      peerId: null,
      subjectUserId: null,
      verb: 'unknown',
      resource: null,
      queryHash: JSON.stringify([holder, 'unknown', { url: 'http://work.example/?q=1' }]),
    });
    expect([answer.headers.get('mosaic-audit'), answer.headers.get('mosaic-audit-checkpoint')]).toEqual([
      null,
      null,
    ]);
  });

  it('of a question for the headers alone, that nothing left', async () => {
    const { ask, draft } = world();
    await ask((c) => c.text('12345'), 'HEAD');
    expect(draft()?.bytesOut).toBe(0);
  });

  it.each([
    [true, 'of-the-peer'],
    [false, undefined],
  ])('of the peer’s own trace only where somebody watches (%s)', async (isWatched, expected) => {
    const { ask, recorded } = world({ isWatched });
    await ask((c) => c.text(''));
    expect(recorded.map(([, , traceparent]) => traceparent)).toEqual([expected]);
  });
});

describe('MUTANTS inbound what an answer says of its entry', () => {
  const headers = (answer: Response) => [
    answer.headers.get('mosaic-audit'),
    answer.headers.get('mosaic-audit-checkpoint'),
  ];
  const by =
    (who: Caller, answered: (c: Context<AppEnv>) => Response = (c) => c.text('rows')) =>
    (c: Context<AppEnv>): Response => {
      inboundOf(c).caller = who;
      return answered(c);
    };

  it('is its place, and the newest checkpoint where there is one', async () => {
    expect(headers(await world().ask(by(caller())))).toEqual(['place of 1', 'signed of grant']);
    expect(headers(await world({ checkpoint: null }).ask(by(caller())))).toEqual(['place of 1', null]);
  });

  it('is what the handler was given already, and nothing is an entry twice', async () => {
    const { ask, recorded } = world();
    const given: unknown[] = [];
    await ask((c) => {
      const inbound = inboundOf(c);
      inbound.caller = caller();
      given.push(inbound.leave(200, null, 7), inbound.leave(500, 'internal', 8));
      return c.text('rows');
    });
    expect(recorded.map(([how, { status, bytesOut }]) => [how, status, bytesOut])).toEqual([
      ['once', 200, 7],
    ]);
    expect(given[1]).toBe(given[0]);
  });

  it.each<readonly [ErrorCode, boolean]>([
    ['rate_limited', true],
    ['forbidden', true],
    ['grant_revoked', false],
  ])('of %s: counted together by grant and code, or not', async (code, isRepeated) => {
    const { ask, recorded } = world();
    const refuse = (): Response => {
      throw new MosaicError(code);
    };
    expect(headers(await ask(by(caller(), refuse)))).toEqual(['place of 1', 'signed of grant']);
    await ask(refuse);
    expect(recorded.map(([how]) => how)).toEqual([isRepeated ? `grant grant ${code}` : 'once', 'once']);
    const counted = world({ isCounted: true });
    if (isRepeated) expect(headers(await counted.ask(by(caller(), refuse)))).toEqual([null, null]);
  });

  it('of a strict grant leaves when the entry is written', async () => {
    const { ask, recorded } = world();
    const answer = await ask(by(caller({ auditStrict: true })));
    expect([answer.status, await answer.text(), ...headers(answer)]).toEqual([
      200,
      'rows',
      'place of 1',
      'signed of grant',
    ]);
    expect(recorded.map(([how]) => how)).toEqual(['strictly']);
  });

  it('of a strict grant whose entry is not written is a refusal, which is an entry of its own', async () => {
    const { ask, recorded } = world({ isWritten: false, isWatched: true });
    const answer = await ask(by(caller({ auditStrict: true })));
    const text = await answer.text();
    expect([answer.status, answer.headers.get('retry-after'), ...headers(answer)]).toEqual([
      503,
      '1',
      'place of 2',
      'signed of grant',
    ]);
    expect(text).toContain('audit_unavailable');
    expect(text).not.toContain('rows');
    expect(recorded.map(([how, { status }, traceparent]) => [how, status, traceparent])).toEqual([
      ['strictly', 200, 'of-the-peer'],
      ['once', 503, 'of-the-peer'],
    ]);
    expect(recorded[1]?.[1]).toMatchObject({
      reasonCode: 'audit_unavailable',
      bytesOut: new TextEncoder().encode(text).byteLength,
    });
  });
});
