import { describe, expect, it } from 'vitest';
import { MALFORMED_VALUES, SAMPLE_ID } from '../../../../ca/testing/malformed.testkit.ts';
import { encodeIdentityExtension } from '../../../../ca/x509/extension.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../../../domain/peers/identity.ts';
import { enroll, expectProblem, type Answer } from '../client.ts';
import { scopeOf, type World } from './world.ts';

export const federationCases = (world: World) =>
  describe('federation', () => {
    it('tells a peer what it may read', async () => {
      const { status, body } = await world.peerAsks(world.grant.client, '/federation/v1/capabilities');
      expect(status).toBe(200);
      expect(body).toMatchObject({
        grant: { id: world.grant.id, status: 'active' },
        max_rows_per_query: 100,
      });
      expect(body.resources.map(({ name }) => name)).toEqual(['tasks', 'notes']);
    });

    it('M3-1 lists the subject’s rows within the scope, every one once', async () => {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const { status, body } = await world.peerAsks(
          world.grant.client,
          `/federation/v1/tasks?limit=2${query}`,
        );
        expect(status).toBe(200);
        seen.push(...body.items.map(({ title }) => title));
        cursor = body.next_cursor;
      } while (cursor !== null);
      // The team's task is left out: the scope names no team.
      expect(seen).toEqual(['task 5', 'task 4', 'task 3', 'task 2', 'task 1']);
      expect((await world.peerAsks(world.grant.client, '/federation/v1/notes')).body).toEqual({
        items: [],
        next_cursor: null,
      });
    });

    it('M4-1 searches within the scope, best first, and answers odd input with 200 or 400', async () => {
      const search = (query: string) => world.peerAsks(world.grant.client, `/federation/v1/search?${query}`);
      const { status, body } = await search('q=TASK&limit=3');
      expect(status).toBe(200);
      expect(body.items.map(({ title }) => title)).toEqual(['task 5', 'task 4', 'task 3']);
      const rest = await search(`q=TASK&cursor=${encodeURIComponent(body.next_cursor ?? '')}`);
      expect(rest.body.items.map(({ title }) => title)).toEqual(['task 2', 'task 1']);
      expectProblem(await search(`q=other&cursor=${body.next_cursor}`), 400, 'invalid_cursor');
      expectProblem(await search('q=task&resources=tasks,credentials'), 403, 'resource_excluded');
      for (const query of ['q=%00', 'q=', `q=${'a'.repeat(1_001)}`, 'q=a&resources=nothing'])
        expectProblem(await search(query), 400, 'invalid_request');
      for (const query of ['q=%22', 'q=%26%7C!', 'q=%F0%9F%8E%89', 'q=-task'])
        expect((await search(query)).body).toEqual({ items: [], next_cursor: null });
    });

    it('gets one row, and answers foreign and absent ids alike (X-30)', async () => {
      const mine = (await world.peerAsks(world.grant.client, '/federation/v1/tasks?limit=1')).body.items[0];
      expect((await world.peerAsks(world.grant.client, `/federation/v1/tasks/${mine?.id}`)).body).toEqual({
        item: mine,
      });
      const foreign = await world.ask(world.bob, 'POST', '/api/resources/tasks', { title: 'of bob' });
      const answers = await Promise.all(
        [foreign.body.id, crypto.randomUUID(), 'no-id'].map((id) =>
          world.peerAsks(world.grant.client, `/federation/v1/tasks/${id}`),
        ),
      );
      for (const answer of answers) expectProblem(answer, 404, 'not_found');
      const without = (answer: Answer | undefined): object => ({ ...answer?.body, trace_id: '' });
      expect(without(answers[0])).toEqual(without(answers[1]));
    });

    it('M3-3 refuses what the scope excludes or does not grant', async () => {
      expectProblem(
        await world.peerAsks(world.grant.client, '/federation/v1/credentials'),
        403,
        'resource_excluded',
      );
      expectProblem(
        await world.peerAsks(world.grant.client, `/federation/v1/credentials/${SAMPLE_ID}`),
        403,
        'resource_excluded',
      );
      expectProblem(
        await world.peerAsks(world.grant.client, '/federation/v1/memory'),
        403,
        'resource_not_granted',
      );
    });

    it.each([
      'limit=0',
      'limit=-1',
      'limit=1000000000',
      'limit=%225%22',
      'limit=1&limit=2',
      'limit[]=1',
      'extra=1',
    ])('X-32 refuses ?%s', async (query) => {
      expectProblem(
        await world.peerAsks(world.grant.client, `/federation/v1/tasks?${query}`),
        400,
        'invalid_request',
      );
    });

    it('X-43 refuses a cursor with a flipped bit, or of another resource', async () => {
      const { body } = await world.peerAsks(world.grant.client, '/federation/v1/tasks?limit=1');
      const cursor = String(body.next_cursor);
      const flipped = `${cursor.slice(0, 5)}${cursor[5] === 'A' ? 'B' : 'A'}${cursor.slice(6)}`;
      for (const path of [`tasks?cursor=${flipped}`, `notes?cursor=${cursor}`]) {
        expectProblem(
          await world.peerAsks(world.grant.client, `/federation/v1/${path}`),
          400,
          'invalid_cursor',
        );
      }
    });

    it('wants a certificate', async () => {
      expectProblem(await world.peerAsks(null, '/federation/v1/tasks'), 401, 'certificate_required');
    });

    it('X-11 M3-6 refuses identities that are not well formed', async () => {
      const good = { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(SAMPLE_ID) };
      const forged = [[good], ...MALFORMED_VALUES.map(([, value]) => [{ oid: GRANT_ID_OID, value }, good])];
      for (const extensions of forged) {
        expectProblem(
          await world.peerAsks(await world.gateway.forge(extensions), '/federation/v1/tasks'),
          401,
          'certificate_invalid',
        );
      }
    });

    it('X-12 refuses a certificate of ours for a grant that does not exist, or with another’s subject', async () => {
      const identity = (grantId: string, subject: string) => [
        { oid: GRANT_ID_OID, value: encodeIdentityExtension(grantId) },
        { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(subject) },
      ];
      const unknown = await world.gateway.forge(identity(SAMPLE_ID, world.alice.id));
      expectProblem(await world.peerAsks(unknown, '/federation/v1/tasks'), 403, 'grant_unknown');
      const swapped = await world.gateway.forge(identity(world.grant.id, world.bob.id));
      expectProblem(await world.peerAsks(swapped, '/federation/v1/tasks'), 403, 'grant_subject_mismatch');
      const unissued = await world.gateway.forge(identity(world.grant.id, world.alice.id));
      expectProblem(await world.peerAsks(unissued, '/federation/v1/tasks'), 403, 'certificate_revoked');
    });

    it('keeps the two listeners apart', async () => {
      expectProblem(await world.peerAsks(world.grant.client, '/api/me'), 404, 'not_found');
      const headers = { authorization: `Bearer ${world.admin.token}` };
      expectProblem(
        await world.peerAsks(world.grant.client, '/api/admin/users', { headers }),
        404,
        'not_found',
      );
      expectProblem(await world.ask(world.admin, 'GET', '/federation/v1/tasks'), 404, 'not_found');
    });

    it('reads only: other methods are refused', async () => {
      expectProblem(
        await world.peerAsks(world.grant.client, '/federation/v1/tasks', { method: 'POST', body: '{}' }),
        405,
        'method_not_allowed',
      );
    });

    it('M4-3 M4-4 leaves an audit row for each request, allowed or denied', async () => {
      const verbs = async (outcome: string): Promise<readonly string[]> => {
        const query = `grant_id=${world.grant.id}&outcome=${outcome}&limit=200`;
        const { body } = await world.ask(world.admin, 'GET', `/api/admin/audit?${query}`);
        return body.items.map(({ verb }) => verb);
      };
      const all = ['capabilities', 'list', 'get', 'enroll'];
      await expect.poll(() => verbs('allowed'), { timeout: 5_000 }).toEqual(expect.arrayContaining(all));
      await expect.poll(async () => (await verbs('denied')).length, { timeout: 5_000 }).toBeGreaterThan(10);
    });

    it('M6-1 refuses a revoked grant from the next request on', async () => {
      const second = await enroll(world.gateway, world.admin, {
        user: 'bob',
        peer: 'home',
        scope: scopeOf({ resources: ['tasks'] }),
      });
      expect((await world.peerAsks(second.client, '/federation/v1/tasks')).body.items).toHaveLength(1);
      expect(
        (await world.ask(world.admin, 'POST', `/api/admin/grants/${world.grant.id}/revoke`, {})).status,
      ).toBe(200);
      const answer = await world.peerAsks(world.grant.client, '/federation/v1/tasks');
      expect(world.gateway.whenRevoked).toContainEqual({ status: answer.status, code: answer.body.code });
      expect(answer.text).not.toContain('task 1');
      // M7-6: and the other grant goes on.
      expect((await world.peerAsks(second.client, '/federation/v1/tasks')).status).toBe(200);
    });
  });
