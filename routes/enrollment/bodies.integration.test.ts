import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPublicApp } from '../../src/app/app.ts';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';

describe('the body of a redemption', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
    await gateway.user('alice');
  });
  afterAll(() => gateway.close());

  it('F-42 F-3 a body with a member twice, too many of them, or too long is refused, and the token is as good as before', async () => {
    const { token } = await gateway.grant('alice');
    const csr = await gateway.newCsr();
    const app = createPublicApp(gateway.deps);
    const send = async (body: string) =>
      (
        await app.request('/enrollment/v1/redeem', {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json' },
        })
      ).status;
    const good = JSON.stringify({ token, csr });
    expect(await send(`{"token":"${'x'.repeat(43)}",${good.slice(1)}`)).toBe(400);
    const many = Array.from({ length: 95_000 }, (_, index) => `"k${index}":1`).join();
    expect(await send(`{${many},${good.slice(1)}`)).toBe(413);
    expect(await send(`{${many.slice(0, 9_999)}1,${good.slice(1)}`)).toBe(400);
    expect((await gateway.redeem({ token, csr })).status).toBe(201);
  });
});
