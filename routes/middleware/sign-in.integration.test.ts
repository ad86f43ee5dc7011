import { afterAll, beforeAll, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import { makeTestApi, type TestApi } from '../testing/api.testkit.ts';

let api: TestApi;
let looked = 0;
/** The database does not answer. */
let isAway = false;

beforeAll(async () => {
  api = await makeTestApi();
  const { tokens } = api.deps.storage.stores;
  const { principal } = tokens;
  Object.assign(tokens, {
    principal: (...asked: Parameters<typeof principal>) => {
      looked += 1;
      if (isAway) return Promise.reject(new MosaicError('database_unavailable'));
      return principal(...asked);
    },
  });
});
afterAll(() => api.deps.close());

const ask = async (address: string, token: string): Promise<number> =>
  (
    await api.app.request(
      '/api/me',
      { headers: { authorization: `Bearer ${token}` } },
      { clientAddress: address },
    )
  ).status;

it('F-19 tokens that are none cost no question to the database, wrong ones a bounded number, good ones are never shut out', async () => {
  looked = 0;
  expect(await ask('198.51.100.7', 'x'.repeat(47))).toBe(401);
  expect(looked).toBe(0);
  expect(await ask('198.51.100.7', api.admin.token)).toBe(200);
  looked = 0;
  const statuses: number[] = [];
  for (let n = 0; n < 600; n += 1)
    statuses.push(await ask('198.51.100.7', `mos_${String(n).padStart(43, '0')}`));
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
  expect(looked).toBe(240);
  expect(await ask('198.51.100.7', api.admin.token)).toBe(200);
  expect(await ask('198.51.100.8', (await api.person('late')).token)).toBe(200);
});

it('F-19 who signs in for the first time behind the address of strangers is not shut out by them', async () => {
  for (let n = 0; n < 300; n += 1) await ask('198.51.100.9', `mos_${String(n).padStart(43, '1')}`);
  const { token } = await api.person('newcomer');
  expect(await ask('198.51.100.9', `${token.slice(0, -2)}AA`)).toBe(429);
  expect(await ask('198.51.100.9', token)).toBe(200);
});

it('F-19 an outage of the database is 503 for everybody who signs in, and nobody is limited for it', async () => {
  const { token } = await api.person('waiting');
  isAway = true;
  const statuses: number[] = [];
  for (let n = 0; n < 300; n += 1) statuses.push(await ask('198.51.100.20', token));
  isAway = false;
  expect(new Set(statuses)).toEqual(new Set([503]));
  expect(await ask('198.51.100.20', token)).toBe(200);
});
