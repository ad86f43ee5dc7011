import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrollByHand } from './hand-made-client.ts';
import { addRow, grantAndEnroll, seedPeople, type Seeded } from './people.ts';
import { call, must, type World } from './world.ts';

/** SPEC M4-1, M4-2 and M5-2 at layer E: words asked for at home, found at work. */
export const describeSearching = (components: string, boot: () => Promise<World>): void => {
  describe(`searching on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'find-');
      const { alice, bob, ann, T1, T2 } = seeded;
      await addRow(world.work, alice, 'tasks', 'Wombat wombat wombat');
      await addRow(world.work, alice, 'tasks', 'The wombat and the other animals of the house');
      await addRow(world.work, bob, 'tasks', 'Wombat of the team', T1);
      await addRow(world.work, alice, 'tasks', 'Wombat of another team', T2);
      await addRow(world.work, bob, 'tasks', 'Wombat of Bob');
      await addRow(world.work, alice, 'notes', 'Wombat notes');
      await addRow(world.work, alice, 'credentials', 'Wombat vault');
      await addRow(world.home, ann, 'notes', 'Wombat at home');
      await addRow(world.home, ann, 'tasks', 'Feed the wombat wombat');
    });
    afterAll(() => world.close());

    const federated = async (scope: unknown, approveSensitive = false) => {
      serial += 1;
      return grantAndEnroll(world, {
        subject: seeded.alice,
        localUser: seeded.ann,
        peerName: `found${serial}`,
        scope,
        approveSensitive,
      });
    };
    const search = (parameters: Readonly<Record<string, string>>, headers: Record<string, string> = {}) =>
      call(world.home, `/api/query/search?${new URLSearchParams(parameters)}`, {
        token: seeded.ann.token,
        headers,
      });
    const tasksAndNotes = (teams: readonly string[]) => ({
      resources: ['tasks', 'notes'],
      filters: { tasks: { include_teams: teams, include_personal: true } },
      max_rows_per_query: 100,
    });

    it('M4-1 search returns ranked hits from allowed resources only', async () => {
      const { peerName } = await federated(tasksAndNotes([seeded.T1]));
      const { status, body } = await search({ q: 'WÖMBAT', source: `federated:${peerName}` });
      expect(status).toBe(200);
      const titles = body.items.map(({ title }) => title);
      expect(titles[0]).toBe('Wombat wombat wombat');
      expect(titles.toSorted()).toEqual([
        'The wombat and the other animals of the house',
        'Wombat notes',
        'Wombat of the team',
        'Wombat wombat wombat',
      ]);
      const ranks = body.items.map((item) => item._rank ?? Number.NaN);
      expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
      expect(ranks[0]).toBeGreaterThan(ranks[1] ?? 1);
      for (const item of body.items) {
        const [[start, end] = [0, 0]] = item._highlights?.['title'] ?? [];
        expect(item.title.slice(start, end).toLowerCase()).toBe('wombat');
      }
      expect(body.sources[`federated:${peerName}`]).toMatchObject({ status: 'complete', count: 4 });
      const columns = 'body created_at due_at id owner_id status team_id title updated_at'.split(' ');
      expect(Object.keys(body.items[0] ?? {}).toSorted()).toEqual([
        '_highlights',
        '_rank',
        '_resource',
        '_source',
        ...columns,
      ]);
    });

    it('M4-2 X-31 with credentials excluded, a keyword that matches a credential’s name finds nothing', async () => {
      const excluding = { resources: ['tasks', 'credentials'], max_rows_per_query: 100 };
      const { peerName, grantId } = await federated(excluding, true);
      const source = `federated:${peerName}`;
      const granted = await search({ q: 'vault', source });
      expect(granted.body.items.map(({ title }) => title)).toEqual(['Wombat vault']);
      expect(JSON.stringify(granted.body)).not.toContain('canary-secret');
      expect((await search({ q: 'canary', source })).body.items).toEqual([]);
      await world.work.sql(
        `update federation_grants set scope = jsonb_set(scope, '{excluded_resources}', '["credentials"]'), version = version + 1 where id = $1`,
        [grantId],
      );
      const after = await search({ q: 'vault', source });
      expect([after.status, after.body.items]).toEqual([200, []]);
      // Nor does it change what is found beside it.
      const [first, second] = [
        await search({ q: 'wombat', source }),
        await search({ q: 'wombat', source, resources: 'tasks' }),
      ];
      expect(first.body.items).toEqual(second.body.items);
      const named = await search({ q: 'vault', source, resources: 'tasks,credentials' });
      expect([named.status, named.body.code]).toEqual([502, 'peer_refused']);
    });

    it('X-31 naming a resource that is excluded or not granted is 403 at work, like listing it', async () => {
      const hand = await enrollByHand(world.work, {
        user: seeded.alice.name,
        peer: `search-by-hand-${crypto.randomUUID().slice(0, 8)}`,
        scope: { resources: ['tasks'], excluded_resources: ['credentials'], max_rows_per_query: 2 },
      });
      const get = (query: string) => hand.get(`/federation/v1/search?${query}`);
      expect((await get('q=wombat&resources=credentials')).body.code).toBe('resource_excluded');
      expect((await get('q=wombat&resources=tasks,notes')).body.code).toBe('resource_not_granted');
      const page = await get('q=wombat&limit=100');
      expect([page.status, page.body.items.length]).toEqual([200, 2]);
      expect((await get('q=wombat&resources=tasks')).body.items).toEqual(page.body.items);
      await hand.remove();
    });

    it('X-43 M3-7 pages by cursor, every hit once; a cursor of another query, resource or grant is 400', async () => {
      const scope = { ...tasksAndNotes([seeded.T1, seeded.T2]), max_rows_per_query: 2 };
      const body = { user: seeded.alice.name, scope };
      const [hand, other] = [
        await enrollByHand(world.work, { ...body, peer: `cursors-${crypto.randomUUID().slice(0, 8)}` }),
        await enrollByHand(world.work, { ...body, peer: `cursors-${crypto.randomUUID().slice(0, 8)}` }),
      ];
      const at = (client: typeof hand, parameters: Record<string, string>) =>
        client.get(`/federation/v1/search?${new URLSearchParams(parameters)}`);
      const seen: string[] = [];
      let cursor: string | null = null;
      let first: string | null = null;
      do {
        const page = await at(hand, { q: 'wombat', ...(cursor === null ? {} : { cursor }) });
        expect([page.status, page.body.items.length <= 2]).toEqual([200, true]);
        seen.push(...page.body.items.map(({ title }) => title));
        cursor = page.body.next_cursor;
        first ??= cursor;
      } while (cursor !== null && seen.length < 50);
      expect(seen.toSorted()).toEqual([
        'The wombat and the other animals of the house',
        'Wombat notes',
        'Wombat of another team',
        'Wombat of the team',
        'Wombat wombat wombat',
      ]);
      const good = first ?? '';
      expect(atob(good.replaceAll('-', '+').replaceAll('_', '/'))).not.toMatch(/wombat/i);
      const flipped = `${good.slice(0, 9)}${good[9] === 'A' ? 'B' : 'A'}${good.slice(10)}`;
      const refused = [
        await at(hand, { q: 'wombats', cursor: good }),
        await at(hand, { q: 'wombat', resources: 'tasks', cursor: good }),
        await at(other, { q: 'wombat', cursor: good }),
        await at(hand, { q: 'wombat', cursor: flipped }),
        await hand.get(`/federation/v1/tasks?cursor=${good}`),
      ];
      expect(refused.map((answer) => [answer.status, answer.body.code])).toEqual(
        refused.map(() => [400, 'invalid_cursor']),
      );
      expect((await at(hand, { q: 'wombat', cursor: good })).status).toBe(200);
      await Promise.all([hand.remove(), other.remove()]);
    });

    it('blends hits of both gateways by rank, page by page, and the same by grant', async () => {
      const { peerName, grantId } = await federated(tasksAndNotes([]));
      const all = await search({ q: 'wombat', source: 'all', limit: '200' });
      const mine = all.body.items.filter(({ _source }) =>
        ['local', `federated:${peerName}`].includes(_source),
      );
      expect(new Set(mine.map(({ _source }) => _source)).size).toBe(2);
      const ranks = all.body.items.map((item) => item._rank ?? Number.NaN);
      expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
      const paged: unknown[] = [];
      let cursor: string | null = null;
      do {
        const page = await search({ q: 'wombat', limit: '3', ...(cursor === null ? {} : { cursor }) });
        expect(page.status).toBe(200);
        paged.push(...page.body.items);
        cursor = page.body.next_cursor;
      } while (cursor !== null && paged.length < 200);
      expect(paged).toEqual(all.body.items);
      const byGrant = await call(world.home, '/api/federation/search?q=wombat', {
        token: seeded.ann.token,
        headers: { 'x-federation-grant': grantId },
      });
      expect(byGrant.body.items).toEqual(
        all.body.items.filter(({ _source }) => _source === `federated:${peerName}`),
      );
      const bens = await call(world.home, `/api/query/search?q=wombat&source=federated:${peerName}`, {
        token: seeded.ben.token,
      });
      expect([bens.status, bens.body.code]).toEqual([404, 'peer_unknown']);
    });

    it('M5-2 M4-5 two identical searches both reach the peer, each audited with a hash and no word of the query', async () => {
      const { peerName, grantId } = await federated(tasksAndNotes([]));
      const word = `canary${crypto.randomUUID().slice(0, 8)}`;
      const added = await addRow(world.work, seeded.alice, 'tasks', `${word} one`);
      const ask = () => search({ q: word, source: `federated:${peerName}` });
      expect((await ask()).body.items.map(({ id }) => id)).toEqual([added.id]);
      await must(200, world.work, `/api/resources/tasks/${added.id}`, {
        method: 'PATCH',
        token: seeded.alice.token,
        body: { title: 'gone' },
      });
      expect((await ask()).body.items).toEqual([]);
      await world.work.flushAudit();
      const entries = await world.work.sql(
        `select to_jsonb(a)::text as text, query_hash from federation_audit_log a where grant_id = $1 and verb = 'search'`,
        [grantId],
      );
      expect(entries).toHaveLength(2);
      expect(new Set(entries.map((entry) => entry['query_hash'])).size).toBe(1);
      expect(JSON.stringify(entries)).not.toContain(word);
    });

    it('odd input is a clean 200 or 400 on both gateways', async () => {
      await federated(tasksAndNotes([]));
      const odd = [
        '"',
        `'`,
        '&|!():*',
        '-',
        '-wombat',
        'a OR',
        '\\',
        '%00',
        '<b>wombat</b>',
        '🦘',
        '\u202eطומ',
        '\u0001',
        '--;drop',
        ' ',
      ];
      for (const q of odd) expect([q, (await search({ q })).status]).toEqual([q, 200]);
      const raw = (query: string) =>
        call(world.home, `/api/query/search?${query}`, { token: seeded.ann.token });
      for (const query of [
        'q=%00',
        'q=a%00b',
        'q=%ED%A0%80',
        'q=%FF',
        'q=',
        '',
        `q=${'a'.repeat(1_001)}`,
        `q=${'a,'.repeat(65)}`,
        `q=${'a'.repeat(10_000)}`,
        'q=a&q=b',
        'q=a&resources=',
        'q=a&resources=users',
        'q=a&resources=tasks,tasks',
        'q=a&limit=0',
        'q=a&x=1',
      ])
        expect([query.slice(0, 20), (await raw(query)).status]).toEqual([query.slice(0, 20), 400]);
      const hand = await enrollByHand(world.work, {
        user: seeded.alice.name,
        peer: `odd-${crypto.randomUUID().slice(0, 8)}`,
        scope: tasksAndNotes([]),
      });
      for (const query of ['q=%00', 'q=%ED%A0%80', `q=${'a'.repeat(10_000)}`, 'q=%22&limit=-1'])
        expect([query.slice(0, 20), (await hand.get(`/federation/v1/search?${query}`)).status]).toEqual([
          query.slice(0, 20),
          400,
        ]);
      for (const q of odd)
        expect([q, (await hand.get(`/federation/v1/search?${new URLSearchParams({ q })}`)).status]).toEqual([
          q,
          200,
        ]);
      await hand.remove();
    });
  });
};
