import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import { callerOf, inboundOf, type Inbound } from './inbound.ts';
import type { AppEnv } from '../http/http.ts';

describe('MUTANTS inbound a handler that no gate stands in front of', () => {
  const ask = async (inbound?: Partial<Inbound>, read: typeof inboundOf | typeof callerOf = callerOf) => {
    const app = new Hono<AppEnv>()
      .use(async (c, next) => {
        if (inbound !== undefined) c.set('inbound', inbound as Inbound);
        await next();
      })
      .get('/', (c) => c.text(typeof read(c)))
      .onError((error, c) => c.text(error instanceof MosaicError ? error.code : 'internal', 500));
    return (await app.request('/')).text();
  };

  it('has no caller, which is 401 and no failure of ours', async () => {
    expect(await ask()).toBe('certificate_required');
    expect(await ask({ caller: null })).toBe('certificate_required');
    expect(await ask(undefined, inboundOf)).toBe('certificate_required');
    expect(await ask({ caller: null }, inboundOf)).toBe('object');
    expect(await ask({ caller: {} as Inbound['caller'] })).toBe('object');
  });
});
