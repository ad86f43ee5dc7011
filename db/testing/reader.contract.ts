import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide, decideNative, type Principal } from '../../domain/access/decide.ts';
import { decideWrite } from '../../domain/access/write.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import { RESOURCES, type Resource, type ResourceRow } from '../../domain/resources.ts';
import type { Scope } from '../../domain/scope/scope.ts';
import { listed } from './listed.testkit.ts';
import { aTeam, aUser, anActiveGrant, at, must, scopeOf, T0, type Enrolled } from './world.testkit.ts';

const principal = (userId: string): Principal => ({ userId, isAdmin: false, access: 'write' });
let seconds = 0;

const addRow = async (
  storage: Storage,
  userId: string,
  resource: Resource,
  teamId: string | null = null,
  title = 'row',
): Promise<ResourceRow> => {
  const write = must(decideWrite(principal(userId), resource, 'create'));
  seconds += 1;
  const row = await storage.stores.resources.insert(write, {
    id: crypto.randomUUID(),
    teamId,
    fields: { title },
    secretSealed: resource === 'credentials' ? 'seal1.secret' : null,
    createdAt: at(seconds),
  });
  if (row === null) throw new Error('not inserted');
  return row;
};

interface Opened {
  readonly storage: Storage;
  /** One statement as the superuser. */
  readonly raw: (text: string, params: string[]) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** What a reader must do, over whichever driver. */
export const describeReader = (name: string, open: () => Promise<Opened>): void => {
  describe(`reader on ${name}`, () => {
    let opened: Opened;
    let storage: Storage;
    beforeAll(async () => {
      opened = await open();
      storage = opened.storage;
    }, 60_000);
    afterAll(() => opened.close());

    const list = async (
      { grant, identity }: Enrolled,
      resource: Resource = 'tasks',
      limit = 50,
      after: { createdAt: string; id: string } | null = null,
    ) => listed(storage.reader, must(decide.list(grant, identity, { resource, limit, after }, T0)));
    const titles = async (enrolled: Enrolled): Promise<readonly string[]> => {
      const page = await list(enrolled);
      return page.admitted ? page.value.items.map(({ title }) => title ?? '').toSorted() : ['(refused)'];
    };

    it('M3-1 M3-2 M3-10 gives the subject’s rows within the scope, and no other', async () => {
      const [me, other] = [await aUser(storage), await aUser(storage)];
      const [t1, t2, foreign] = [
        await aTeam(storage, me, other),
        await aTeam(storage, me),
        await aTeam(storage, other),
      ];
      await addRow(storage, me, 'tasks', null, 'mine');
      await addRow(storage, other, 'tasks', null, 'theirs');
      await addRow(storage, other, 'tasks', t1, 't1 by other');
      await addRow(storage, me, 'tasks', t2, 't2');
      await addRow(storage, other, 'tasks', foreign, 'foreign team');
      const teams = (filter: Scope['filters']) => anActiveGrant(storage, me, scopeOf({ filters: filter }));
      expect(await titles(await anActiveGrant(storage, me))).toEqual(['mine']);
      expect(await titles(await teams({ tasks: { include_teams: [t1], include_personal: true } }))).toEqual([
        'mine',
        't1 by other',
      ]);
      expect(
        await titles(await teams({ tasks: { include_teams: [t1, t2], include_personal: false } })),
      ).toEqual(['t1 by other', 't2']);
      expect(
        await titles(await teams({ tasks: { include_teams: [foreign], include_personal: false } })),
      ).toEqual([]);
      expect(await titles(await teams({ tasks: { include_teams: [], include_personal: false } }))).toEqual(
        [],
      );
      const native = await listed(
        storage.reader,
        decideNative.list(principal(me), { resource: 'tasks', limit: 50, after: null }),
      );
      expect(native.admitted && native.value.items.map(({ title }) => title)).toEqual([
        't2',
        't1 by other',
        'mine',
      ]);
    });

    it('leaves no subject on the session, whatever it read', async () => {
      const me = await aUser(storage);
      const row = await addRow(storage, me, 'tasks');
      const { grant, identity } = await anActiveGrant(storage, me);
      const { reader } = storage;
      const page = { resource: 'tasks', limit: 5, after: null } as const;
      const reads: readonly (() => Promise<unknown>)[] = [
        () => reader.capabilities(must(decide.capabilities(grant, identity, T0))),
        () => reader.list(must(decide.list(grant, identity, page, T0))),
        () => reader.listJson(must(decide.list(grant, identity, page, T0))),
        () => reader.get(must(decide.get(grant, identity, { resource: 'tasks', id: row.id }, T0))),
        () => reader.list(decideNative.list(principal(me), page)),
        () => reader.get(decideNative.get(principal(me), { resource: 'tasks', id: row.id })),
      ];
      for (const read of reads) {
        await read();
        const left = `select coalesce(current_setting('app.subject', true), '') || coalesce(current_setting('app.fence', true), '') as left`;
        expect(await opened.raw(left, [])).toEqual([{ left: '' }]);
      }
    });

    it('F-36 refuses a certificate of that serial with another fingerprint', async () => {
      const me = await aUser(storage);
      await addRow(storage, me, 'tasks', null, 'mine');
      const enrolled = await anActiveGrant(storage, me);
      expect(await titles(enrolled)).toEqual(['mine']);
      const twin = { ...enrolled.identity, fingerprint: 'e'.repeat(64) };
      expect(await titles({ ...enrolled, identity: twin })).toEqual(['(refused)']);
      // One that was never written down is none: it opens nothing.
      await opened.raw(`update issued_certificates set fingerprint = null where serial = $1`, [
        enrolled.identity.serial,
      ]);
      expect(await titles(enrolled)).toEqual(['(refused)']);
    });

    it('shows rows as the resources table says, times with milliseconds, secrets never', async () => {
      const me = await aUser(storage);
      const row = await addRow(storage, me, 'credentials', null, 'bank');
      const enrolled = await anActiveGrant(storage, me, scopeOf({ resources: ['credentials', 'tasks'] }));
      const page = await list(enrolled, 'credentials');
      expect(page.admitted && page.value.items).toEqual([row]);
      expect(row).toEqual({
        id: row.id,
        owner_id: me,
        team_id: null,
        created_at: row.created_at,
        updated_at: row.created_at,
        title: 'bank',
        username: null,
        url: null,
      });
      expect(row.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const task = await addRow(storage, me, 'tasks', null, 'héllo 🌍 "quoted" \\ line\nbreak');
      const tasks = await list(enrolled, 'tasks');
      expect(tasks.admitted && tasks.value.items).toEqual([task]);
      expect(task).toMatchObject({ title: 'héllo 🌍 "quoted" \\ line\nbreak', status: 'open', due_at: null });
    });

    it('lists every resource as JSON that says what its rows say, whatever people wrote', async () => {
      const me = await aUser(storage);
      const whole = scopeOf({ resources: [...RESOURCES] });
      const enrolled = await anActiveGrant(storage, me, whole);
      const texts = fc
        .sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), { numRuns: 60, seed: 7 })
        .filter((text) => !text.includes('\u0000') && text.isWellFormed());
      for (const resource of RESOURCES) {
        for (const text of ['null', '+', '"', '\\', '\n\t\r\b\f\u0001\u001e\u007f\u2028', 'ä€🌍', ...texts])
          await addRow(storage, me, resource, null, text);
        for (const limit of [1, 40, 50, 500]) {
          const page = await list(enrolled, resource, limit);
          expect(page.admitted && page.value.items).toHaveLength(Math.min(limit, texts.length + 6));
        }
      }
    });

    it('a text that holds what packed pages are separated by, or a replacement’s $1, is read right and forges no row', async () => {
      const me = await aUser(storage);
      const enrolled = await anActiveGrant(storage, me);
      await addRow(storage, me, 'tasks', null, 'before');
      const time = '2026-01-01 00:00:00.000001';
      const forged = ['"x"', 'null', '"open"', `null\n${crypto.randomUUID()}`, me, 'null', time, time, '"y"'];
      for (const text of ['\u001f\n', '$1 $01 $& $$', '\u001f'.repeat(9), forged.join('\u001f')])
        await addRow(storage, me, 'tasks', null, text);
      await addRow(storage, me, 'tasks', null, 'after');
      for (const limit of [1, 2, 5, 6, 100]) {
        const page = await list(enrolled, 'tasks', limit);
        expect(page.admitted && page.value.items).toHaveLength(Math.min(limit, 6));
      }
      expect(await titles(enrolled)).toContain(forged.join('\u001f'));
    });

    it('a page with a time of another year than of four digits is read right', async () => {
      const me = await aUser(storage);
      const enrolled = await anActiveGrant(storage, me);
      const { id } = await addRow(storage, me, 'tasks');
      for (const time of ['12026-01-01 10:00:00.5Z', '2026-01-01 10:00:00.5Z']) {
        await opened.raw(
          'update tasks set created_at = $2::timestamptz, due_at = $2::timestamptz where id = $1',
          [id, time],
        );
        const page = await list(enrolled);
        expect(page.admitted && page.value.items[0]?.created_at).toBe(
          new Date(time.replace(/^1(2026)/, '+01$1').replace(' ', 'T')).toISOString(),
        );
      }
    });

    it('X-30 gets what a list would show; a foreign id and an absent id are the same null', async () => {
      const [me, other] = [await aUser(storage), await aUser(storage)];
      const team = await aTeam(storage, me, other);
      const [mine, shared, theirs] = [
        await addRow(storage, me, 'tasks'),
        await addRow(storage, other, 'tasks', team),
        await addRow(storage, other, 'tasks'),
      ];
      const enrolled = await anActiveGrant(
        storage,
        me,
        scopeOf({ filters: { tasks: { include_teams: [team], include_personal: true } } }),
      );
      const get = (who: Enrolled, id: string) =>
        storage.reader.get(must(decide.get(who.grant, who.identity, { resource: 'tasks', id }, T0)));
      expect(await get(enrolled, mine.id)).toEqual({ admitted: true, value: mine });
      expect(await get(enrolled, shared.id)).toEqual({ admitted: true, value: shared });
      expect(await get(enrolled, theirs.id)).toEqual({ admitted: true, value: null });
      expect(await get(enrolled, crypto.randomUUID())).toEqual({ admitted: true, value: null });
      expect(await get(await anActiveGrant(storage, me), shared.id)).toEqual({ admitted: true, value: null });
      const personalOff = await anActiveGrant(
        storage,
        me,
        scopeOf({ filters: { tasks: { include_teams: [], include_personal: false } } }),
      );
      expect(await get(personalOff, mine.id)).toEqual({ admitted: true, value: null });
      expect(
        await storage.reader.get(decideNative.get(principal(me), { resource: 'tasks', id: shared.id })),
      ).toEqual({ admitted: true, value: shared });
      expect(
        await storage.reader.get(decideNative.get(principal(me), { resource: 'tasks', id: theirs.id })),
      ).toEqual({ admitted: true, value: null });
    });

    const refused = async (enrolled: Enrolled, id: string): Promise<readonly boolean[]> => {
      const { grant, identity } = enrolled;
      return [
        (await list(enrolled)).admitted,
        (await list(enrolled, 'tasks', 1)).admitted,
        (await storage.reader.get(must(decide.get(grant, identity, { resource: 'tasks', id }, T0)))).admitted,
        (await storage.reader.capabilities(must(decide.capabilities(grant, identity, T0)))).admitted,
        (
          await storage.reader.search(
            must(
              decide.search(grant, identity, { query: 'row', resources: null, limit: 5, after: null }, T0),
            ),
          )
        ).admitted,
      ];
    };

    // Everything the decision rested on may change before the statement runs.
    const changes: Readonly<Record<string, (enrolled: Enrolled) => Promise<unknown>>> = {
      'M3-6 revoked': ({ grant }) => storage.stores.grants.revoke(grant.id, 'test', new Date()),
      'of another version': ({ grant }) =>
        storage.stores.grants.patch(grant.id, grant.version, { rateLimitPerMinute: 5 }),
      expired: ({ grant }) =>
        opened.raw(`update federation_grants set expires_at = now() - interval '1 ms' where id = $1`, [
          grant.id,
        ]),
      'pending again (edited by hand)': ({ grant }) =>
        opened.raw(`update federation_grants set status = 'pending' where id = $1`, [grant.id]),
      'of another subject (edited by hand)': async ({ grant }) =>
        opened.raw('update federation_grants set subject_user_id = $2 where id = $1', [
          grant.id,
          await aUser(storage),
        ]),
      'left with a revoked certificate': ({ grant }) =>
        storage.stores.certificates.revokeOfGrant(grant.id, 'superseded', new Date()),
      'left with an expired certificate': ({ grant }) =>
        opened.raw(`update issued_certificates set not_after = now() - interval '1 ms' where grant_id = $1`, [
          grant.id,
        ]),
      'left without its subject': ({ grant }) =>
        storage.transaction(({ users }) => users.delete(grant.subjectUserId), { asAdmin: true }),
    };

    it.each(Object.entries(changes))('refuses a grant that is meanwhile %s', async (_name, change) => {
      const me = await aUser(storage);
      const row = await addRow(storage, me, 'tasks');
      const enrolled = await anActiveGrant(storage, me);
      expect(await refused(enrolled, row.id)).toEqual([true, true, true, true, true]);
      await change(enrolled);
      expect(await refused(enrolled, row.id)).toEqual([false, false, false, false, false]);
    });

    it('refuses the certificate of another grant, and one nobody issued', async () => {
      const me = await aUser(storage);
      const [mine, other] = [await anActiveGrant(storage, me), await anActiveGrant(storage, me)];
      for (const serial of [other.identity.serial, 'ffff']) {
        expect((await list({ grant: mine.grant, identity: { ...mine.identity, serial } })).admitted).toBe(
          false,
        );
      }
    });

    it('X-43 takes nothing that decide() did not make', async () => {
      const me = await aUser(storage);
      const { grant, identity } = await anActiveGrant(storage, me);
      const real = must(decide.list(grant, identity, { resource: 'tasks', limit: 1, after: null }, T0));
      const forged = structuredClone({ terms: real.terms }) as unknown as typeof real;
      await expect(storage.reader.list(forged)).rejects.toThrow(TypeError);
      await expect(storage.reader.listJson(forged)).rejects.toThrow(TypeError);
    });

    // Five teams and more are read in another way than a few; a person's own list always is.
    it.each([
      [4, 'granted'],
      [5, 'granted'],
      [12, 'granted'],
      [2, 'own'],
      [12, 'own'],
    ])(
      'M3-7 pages through everything once, also where times are equal: %i teams, %s',
      async (count, whose) => {
        const me = await aUser(storage);
        const teams: string[] = [];
        while (teams.length < count) teams.push(await aTeam(storage, me));
        const places = [null, ...teams];
        for (let index = 0; index < 60; index += 1) {
          if (index % 4 !== 0) seconds -= 1; // four rows at each time
          await addRow(storage, me, 'notes', places[(index * 7) % places.length] ?? null, `n${index}`);
        }
        const scope = scopeOf({
          resources: ['notes'],
          filters: { notes: { include_teams: teams, include_personal: true } },
        });
        const enrolled = await anActiveGrant(storage, me, scope);
        const own = (query: Parameters<typeof decideNative.list>[1]): ReturnType<typeof list> =>
          listed(storage.reader, decideNative.list(principal(me), query));
        for (const limit of [1, 7, 20, 59, 60, 61]) {
          const seen: string[] = [];
          let after: { createdAt: string; id: string } | null = null;
          do {
            const page: Awaited<ReturnType<typeof list>> =
              whose === 'own'
                ? await own({ resource: 'notes', limit, after })
                : await list(enrolled, 'notes', limit, after);
            if (!page.admitted) throw new Error('refused');
            expect(page.value.items.length).toBeLessThanOrEqual(limit);
            seen.push(...page.value.items.map(({ created_at, id }) => `${created_at} ${id}`));
            after = page.value.next;
          } while (after !== null);
          expect(seen).toHaveLength(60);
          expect(seen).toEqual([...new Set(seen)].toSorted().toReversed());
        }
        const capped = { ...enrolled.grant, scope: { ...scope, max_rows_per_query: 10 } };
        const page = await list({ ...enrolled, grant: capped }, 'notes', 500);
        expect(page.admitted && page.value.items.length).toBe(10);
      },
    );
  });
};
