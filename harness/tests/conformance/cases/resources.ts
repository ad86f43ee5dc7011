import { describe, expect, it } from 'vitest';
import { expectProblem, read, type Answer } from '../client.ts';
import type { World } from './world.ts';

export const resourcesCases = (world: World) =>
  describe('resources', () => {
    it('are written, read, changed and deleted by their owner alone', async () => {
      const made = await world.ask(world.alice, 'POST', '/api/resources/notes', {
        title: 'first',
        body: 'text ✓',
      });
      expect(made.status).toBe(201);
      const path = `/api/resources/notes/${made.body.id}`;
      expect((await world.ask(world.alice, 'PATCH', path, { title: 'second' })).body).toMatchObject({
        title: 'second',
        body: 'text ✓',
      });
      expectProblem(await world.ask(world.bob, 'GET', path), 404, 'not_found');
      expectProblem(await world.ask(world.bob, 'PATCH', path, { title: 'x' }), 404, 'not_found');
      expect((await world.ask(world.alice, 'DELETE', path)).status).toBe(204);
      expectProblem(await world.ask(world.alice, 'GET', path), 404, 'not_found');
    });

    it('are paged by cursors that hold for one person and resource', async () => {
      for (let index = 1; index <= 5; index += 1) {
        expect(
          (await world.ask(world.alice, 'POST', '/api/resources/tasks', { title: `task ${index}` })).status,
        ).toBe(201);
      }
      const first = await world.ask(world.alice, 'GET', '/api/resources/tasks?limit=2');
      const cursor = encodeURIComponent(String(first.body.next_cursor));
      const second = await world.ask(world.alice, 'GET', `/api/resources/tasks?limit=3&cursor=${cursor}`);
      const ids = [...first.body.items, ...second.body.items].map(({ id }) => id);
      expect(new Set(ids).size).toBe(5);
      expect(second.body.next_cursor).toBeNull();
      for (const [person, path] of [
        [world.bob, `tasks?cursor=${cursor}`],
        [world.alice, `notes?cursor=${cursor}`],
        [world.alice, `tasks?cursor=${cursor}x`],
      ] as const) {
        expectProblem(await world.ask(person, 'GET', `/api/resources/${path}`), 400, 'invalid_cursor');
      }
    });

    it('of a team are its members’, and never hold a secret in an answer', async () => {
      const made = await world.ask(world.alice, 'POST', '/api/resources/tasks', {
        title: 'of the team',
        team_id: world.team,
      });
      expect(made.body).toMatchObject({ team_id: world.team });
      expectProblem(
        await world.ask(world.bob, 'GET', `/api/resources/tasks/${made.body.id}`),
        404,
        'not_found',
      );
      const secret = await world.ask(world.alice, 'POST', '/api/resources/credentials', {
        title: 'db',
        secret: 'canary-8c41',
      });
      expect(secret.status).toBe(201);
      expect(
        (await world.ask(world.alice, 'GET', `/api/resources/credentials/${secret.body.id}`)).text,
      ).not.toContain('canary');
    });

    it('refuse bad input with the field’s path, and store nothing of it', async () => {
      const before = (await world.ask(world.alice, 'GET', '/api/resources/tasks?limit=200')).text;
      const bad = await world.ask(world.alice, 'POST', '/api/resources/tasks', { title: 5, colour: 'red' });
      expectProblem(bad, 400, 'invalid_request');
      expect(bad.body.issues.map(({ path }) => path)).toEqual(expect.arrayContaining(['title']));
      expectProblem(
        await world.ask(world.alice, 'POST', '/api/resources/tasks', { title: 'nul \u0000' }),
        400,
        'invalid_request',
      );
      const send = async (body: string, type: string): Promise<Answer> => {
        const headers = { authorization: `Bearer ${world.alice.token}`, 'content-type': type };
        return read(
          await world.gateway.publicFetch('/api/resources/tasks', { method: 'POST', headers, body }),
        );
      };
      expectProblem(await send('{"title":', 'application/json'), 400, 'malformed_json');
      expectProblem(
        await send('title=x', 'application/x-www-form-urlencoded'),
        415,
        'unsupported_media_type',
      );
      expectProblem(
        await send(JSON.stringify({ title: 'a'.repeat(2_000_000) }), 'application/json'),
        413,
        'payload_too_large',
      );
      expect((await world.ask(world.alice, 'GET', '/api/resources/tasks?limit=200')).text).toBe(before);
    });

    it('answer the blended query from the local store', async () => {
      const { status, body } = await world.ask(world.alice, 'GET', '/api/query/tasks?source=local');
      expect(status).toBe(200);
      expect(body.items.length).toBe(6);
      expect(body.items.every(({ _source }) => _source === 'local')).toBe(true);
    });
  });
