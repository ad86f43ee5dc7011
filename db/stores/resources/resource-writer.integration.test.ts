import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideWrite, type AuthorizedWrite, type WriteAction } from '../../../domain/access/write.ts';
import { RESOURCES, resourceSpec, type Resource } from '../../../domain/resources.ts';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { memoryStorage, queryAs } from '../../testing/database.testkit.ts';
import { aTeam, aUser, at, T0 } from '../../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const may = (userId: string, action: WriteAction, resource: Resource = 'tasks'): AuthorizedWrite => {
  const write = decideWrite({ userId, isAdmin: false, access: 'write' }, resource, action);
  if (!write.ok) throw new Error('denied');
  return write.value;
};
const row = (teamId: string | null = null) => ({
  id: crypto.randomUUID(),
  teamId,
  fields: { title: 'a title' },
  secretSealed: null,
  createdAt: T0,
});

describe('writing resources', () => {
  it.each(RESOURCES)('creates, changes and deletes %s with every field', async (resource) => {
    const me = await aUser(storage);
    const { resources } = storage.stores;
    const { fields, sensitive } = resourceSpec(resource);
    const value = { text: 'tëxt', timestamp: '2026-05-01T10:00:00.500Z', task_status: 'done' };
    const all = Object.fromEntries(Object.entries(fields).map(([name, { kind }]) => [name, value[kind]]));
    const id = crypto.randomUUID();
    const created = await resources.insert(may(me, 'create', resource), {
      id,
      teamId: null,
      fields: all,
      secretSealed: sensitive ? 'seal1.one' : null,
      createdAt: T0,
    });
    expect(created).toEqual({
      id,
      owner_id: me,
      team_id: null,
      created_at: T0.toISOString(),
      updated_at: T0.toISOString(),
      ...all,
    });
    const optional = Object.keys(fields).filter((name) => fields[name]?.required === false);
    const cleared = Object.fromEntries(optional.map((name) => [name, null]));
    const updated = await resources.update(may(me, 'update', resource), id, {
      fields: cleared,
      updatedAt: at(5),
      ...(sensitive ? { secretSealed: 'seal1.two' } : {}),
    });
    expect(updated).toEqual({
      ...created,
      ...cleared,
      ...(resource === 'tasks' ? { status: 'open' } : {}),
      updated_at: at(5).toISOString(),
    });
    if (sensitive) {
      const stored = () =>
        queryAs(storage.client, 'postgres', `select secret_sealed from ${resource} where id = $1`, [id]);
      expect(await stored()).toEqual([{ secret_sealed: 'seal1.two' }]);
      await resources.update(may(me, 'update', resource), id, { fields: { title: 'x' }, updatedAt: at(6) });
      expect(await stored()).toEqual([{ secret_sealed: 'seal1.two' }]);
    }
    expect(await resources.delete(may(me, 'delete', resource), id)).toBe('deleted');
    expect(await resources.delete(may(me, 'delete', resource), id)).toBe('absent');
  });

  it('reaches own rows and rows of the person’s teams, nothing else', async () => {
    const [me, mate, stranger] = [await aUser(storage), await aUser(storage), await aUser(storage)];
    const team = await aTeam(storage, me, mate);
    const { resources } = storage.stores;
    const shared = await resources.insert(may(mate, 'create'), row(team));
    const mine = await resources.insert(may(me, 'create'), row());
    const patch = { fields: { title: 'changed' }, updatedAt: at(1) };
    expect(await resources.insert(may(stranger, 'create'), row(team))).toBeNull();
    expect(await resources.update(may(stranger, 'update'), shared?.id ?? '', patch)).toBeNull();
    expect(await resources.update(may(mate, 'update'), mine?.id ?? '', patch)).toBeNull();
    expect(await resources.update(may(me, 'update'), shared?.id ?? '', patch)).toMatchObject({
      title: 'changed',
      owner_id: mate,
    });
    expect(await resources.delete(may(stranger, 'delete'), shared?.id ?? '')).toBe('absent');
    expect(await resources.delete(may(mate, 'delete'), mine?.id ?? '')).toBe('absent');
    expect(await resources.delete(may(me, 'delete'), shared?.id ?? '')).toBe('forbidden');
    await storage.transaction(
      ({ teams }) => teams.putMember({ teamId: team, userId: me, role: 'admin', createdAt: T0 }),
      { asAdmin: true },
    );
    expect(await resources.delete(may(me, 'delete'), shared?.id ?? '')).toBe('deleted');
  });

  it('drops a field the resource does not have, and refuses what decideWrite() did not make', async () => {
    const me = await aUser(storage);
    const { resources } = storage.stores;
    const odd = { ...row(), fields: { title: 't', 'owner_id = null --': 'x', secret_sealed: 'y' } };
    expect(await resources.insert(may(me, 'create'), odd)).toMatchObject({ title: 't', owner_id: me });
    await expect(resources.insert(may(me, 'update'), row())).rejects.toThrow(TypeError);
    await expect(resources.insert(Object.assign({}, may(me, 'create')), row())).rejects.toThrow(TypeError);
  });

  it('is part of the surrounding transaction', async () => {
    const me = await aUser(storage);
    const fresh = row();
    const work = storage.transaction(async ({ resources }) => {
      await resources.insert(may(me, 'create'), fresh);
      throw new Error('undo');
    });
    await expect(work).rejects.toThrow('undo');
    expect(await storage.stores.resources.delete(may(me, 'delete'), fresh.id)).toBe('absent');
  });
});
