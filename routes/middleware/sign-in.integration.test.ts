import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTestApi, type TestApi } from '../api.testkit.ts';

let api: TestApi;
let looked = 0;

beforeAll(async () => {
  api = await makeTestApi();
  const { tokens } = api.deps.storage.stores;
  const { principal } = tokens;
  Object.assign(tokens, {
    principal: (...asked: Parameters<typeof principal>) => {
      looked += 1;
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
