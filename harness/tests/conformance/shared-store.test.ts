import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asking, createPerson, enroll, read, type EnrolledGrant, type Person, setupBody } from './client.ts';
import { openDenoGateway } from './deno-gateway.ts';
import { startEdgeServices, type EdgeServices } from './services.ts';
import type { GatewayUnderTest } from './under-test.ts';
import { openWorkerdGateway } from './workerd-gateway.ts';

/** So few that both together must not pass more. */
const LIMIT = 6;

describe('replicas on Deno and workerd over one Postgres and one Valkey', () => {
  let services: EdgeServices;
  let deno: GatewayUnderTest;
  let workerd: GatewayUnderTest;
  let admin: Person;
  let grant: EnrolledGrant;

  beforeAll(async () => {
    services = await startEdgeServices();
    const env = { FEDERATION_DEFAULT_RATE_LIMIT_PER_MINUTE: String(LIMIT) };
    deno = await openDenoGateway({ services, env });
    workerd = await openWorkerdGateway({ services, env });
    const made = await asking(deno)(null, 'POST', '/api/bootstrap/setup', setupBody(deno, 'root'));
    admin = { id: made.body.user.id, token: made.body.token.text };
    await createPerson(asking(workerd), admin, 'alice');
    const scope = { resources: ['tasks'], max_rows_per_query: 10 };
    grant = await enroll(workerd, admin, { user: 'alice', peer: 'home', scope });
  }, 120_000);
  afterAll(async () => {
    await Promise.all([deno?.stop(), workerd?.stop()]);
    await services?.stop();
  }, 60_000);

  it('X-57 count one grant’s requests together: the bucket is in Valkey, behind the bridge', async () => {
    const asks = Array.from({ length: 4 * LIMIT }, async (_, index) => {
      const gateway = index % 2 === 0 ? deno : workerd;
      return read(await gateway.federationFetch(grant.client, '/federation/v1/tasks'));
    });
    const answers = await Promise.all(asks);
    const count = (status: number): number => answers.filter((one) => one.status === status).length;
    // A bucket fills again while it is asked: one token in ten seconds.
    expect(count(200)).toBeGreaterThanOrEqual(LIMIT);
    expect(count(200)).toBeLessThanOrEqual(LIMIT + 2);
    expect(count(200) + count(429)).toBe(answers.length);
  });

  it('refuse to start when the bridge is not there, and say what is missing but no token', async () => {
    const env = { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' };
    const starting = openDenoGateway({ services, env });
    await expect(starting).rejects.toThrow(/cannot start: .*cannot be reached/s);
    const token = services.environment['UPSTASH_REDIS_REST_TOKEN'] ?? '';
    await expect(starting).rejects.toSatisfy((error: Error) => !error.message.includes(token));
  });
});
