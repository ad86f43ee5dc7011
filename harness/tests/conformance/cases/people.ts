import { describe, expect, it } from 'vitest';
import { createPerson, expectProblem, setupBody } from '../client.ts';
import type { World } from './world.ts';

export const peopleCases = (world: World) =>
  describe('people', () => {
    it('lets nobody in before the first administrator exists, nor without a token', async () => {
      const answer = await world.ask(null, 'GET', '/api/me');
      expectProblem(answer, 401, 'unauthenticated');
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expectProblem(
        await world.ask({ id: '', token: `mos_${'A'.repeat(43)}` }, 'GET', '/api/me'),
        401,
        'unauthenticated',
      );
    });

    it('F-44 makes nobody the first administrator without the setup token', async () => {
      if (world.gateway.setupToken === null) return;
      for (const body of [{ name: 'mallory' }, { name: 'mallory', setup_token: `setup_${'A'.repeat(32)}` }])
        expectProblem(
          await world.ask(null, 'POST', '/api/bootstrap/setup', body),
          403,
          'setup_token_required',
        );
    });

    it('makes the first administrator once', async () => {
      const setup = await world.ask(null, 'POST', '/api/bootstrap/setup', setupBody(world.gateway, 'root'));
      expect(setup.status).toBe(201);
      world.admin = { id: setup.body.user.id, token: setup.body.token.text };
      expectProblem(
        await world.ask(null, 'POST', '/api/bootstrap/setup', setupBody(world.gateway, 'again')),
        409,
        'already_bootstrapped',
      );
    });

    it('makes users, tokens, teams and members', async () => {
      world.alice = await createPerson(world.ask, world.admin, 'alice');
      world.bob = await createPerson(world.ask, world.admin, 'bob');
      expect(await world.ask(world.alice, 'GET', '/api/me')).toMatchObject({
        status: 200,
        body: { name: 'alice', is_admin: false, access: 'write' },
      });
      world.team = (await world.ask(world.admin, 'POST', '/api/admin/teams', { name: 'core' })).body.id;
      expect(
        (await world.ask(world.admin, 'PUT', `/api/admin/teams/${world.team}/members/${world.alice.id}`, {}))
          .status,
      ).toBeLessThan(300);
      expect((await world.ask(world.admin, 'GET', `/api/admin/teams/${world.team}/members`)).text).toContain(
        world.alice.id,
      );
      expectProblem(
        await world.ask(world.admin, 'POST', '/api/admin/users', { name: 'alice' }),
        409,
        'conflict',
      );
    });

    it('X-80 keeps admin routes to administrators, and read-only tokens from writing', async () => {
      expectProblem(await world.ask(world.alice, 'GET', '/api/admin/users'), 403, 'forbidden');
      const reader = await createPerson(world.ask, world.admin, 'reader', 'read');
      expectProblem(
        await world.ask(reader, 'POST', '/api/resources/tasks', { title: 'x' }),
        403,
        'read_only_token',
      );
    });
  });
