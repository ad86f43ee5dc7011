import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asking, createPerson, type Person, setupBody } from './client.ts';
import { openDenoGateway } from './deno-gateway.ts';
import { openNodeGateway } from './node-gateway.ts';
import type { GatewayUnderTest } from './under-test.ts';
import { openWorkerdGateway } from './workerd-gateway.ts';

const bootstrap = async (gateway: GatewayUnderTest): Promise<Person> => {
  const { body } = await asking(gateway)(null, 'POST', '/api/bootstrap/setup', setupBody(gateway, 'root'));
  return { id: body.user.id, token: body.token.text };
};

describe('asking another gateway: a peer on Node, over real TLS', () => {
  let work: GatewayUnderTest;
  let workAdmin: Person;

  beforeAll(async () => {
    work = await openNodeGateway('tls');
    workAdmin = await bootstrap(work);
    const alice = await createPerson(asking(work), workAdmin, 'alice');
    await asking(work)(alice, 'POST', '/api/resources/tasks', { title: 'at work' });
  }, 60_000);
  afterAll(() => work?.stop());

  const enrollmentUrl = async (): Promise<string> => {
    const scope = { resources: ['tasks'], max_rows_per_query: 10 };
    const made = await asking(work)(workAdmin, 'POST', '/api/admin/grants', {
      user: 'alice',
      peer: 'home',
      scope,
    });
    return made.body.enrollment.url;
  };

  it('from Deno: enrolls over a pinned chain, then blends', async () => {
    const home = await openDenoGateway({ env: { FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true' } });
    try {
      const ask = asking(home);
      const admin = await bootstrap(home);
      await ask(admin, 'POST', '/api/resources/tasks', { title: 'at home' });
      const peer = await ask(admin, 'POST', '/api/admin/peers', {
        enrollment_url: await enrollmentUrl(),
        user: 'root',
      });
      expect(peer).toMatchObject({ status: 201 });
      const { body } = await ask(admin, 'GET', '/api/query/tasks?source=all');
      const seen = body.items.map(({ title, _source }) => `${_source}: ${title}`);
      expect(seen).toEqual(['local: at home', 'federated:work: at work']);
    } finally {
      await home.stop();
    }
  });

  it('F-78 from workerd: refused, in words that say what to do', async () => {
    const home = await openWorkerdGateway();
    try {
      const admin = await bootstrap(home);
      const asked = { enrollment_url: await enrollmentUrl(), user: 'root' };
      const peer = await asking(home)(admin, 'POST', '/api/admin/peers', asked);
      expect(peer).toMatchObject({ status: 501, body: { code: 'runtime_unsupported' } });
      expect(peer.body.detail).toContain(
        'Enroll or renew on a gateway on Node or Deno with the same database',
      );
    } finally {
      await home.stop();
    }
  });
});
