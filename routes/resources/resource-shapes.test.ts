import { describe as group, expect, it } from 'vitest';
import { RESOURCES, TASK_STATUSES } from '../../domain/resources.ts';
import { fieldsIn, newRowShape, patchShape, rowShape } from './resource-shapes.ts';

group('a new row', () => {
  const task = newRowShape('tasks');

  it('gets null for what is absent, and an open task', () => {
    expect(task.parse({ title: 'Tax' })).toEqual({
      title: 'Tax',
      body: null,
      status: TASK_STATUSES[0],
      due_at: null,
    });
  });

  it.each(RESOURCES)('of %s needs a title that is not blank and not too long', (resource) => {
    const shape = newRowShape(resource);
    for (const title of [undefined, null, '', '  ', 7, 'x'.repeat(301)]) {
      expect(shape.safeParse({ title }).success).toBe(false);
    }
    expect(shape.safeParse({ title: 'x'.repeat(300) }).success).toBe(true);
  });

  it('holds a secret only where the resource is sensitive', () => {
    expect(newRowShape('credentials').safeParse({ title: 'x', secret: 's' }).success).toBe(true);
    expect(newRowShape('api_keys').safeParse({ title: 'x', secret: '' }).success).toBe(false);
    expect(task.safeParse({ title: 'x', secret: 's' }).success).toBe(false);
  });

  it.each(['owner_id', 'id', 'created_at', 'nope'])('does not take %s', (key) => {
    expect(task.safeParse({ title: 'x', [key]: 'y' }).success).toBe(false);
  });

  it('writes times in UTC with milliseconds', () => {
    const due = (text: string): unknown => task.safeParse({ title: 'x', due_at: text }).data?.['due_at'];
    expect(due('2030-01-31T09:00:00+02:00')).toBe('2030-01-31T07:00:00.000Z');
    expect(due('2030-01-31T09:00:00.1234567Z')).toBe('2030-01-31T09:00:00.123Z');
  });

  it.each([
    '2030-01-31',
    '2030-02-30T00:00:00Z',
    'tomorrow',
    '2030-01-31T09:00:00',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-14:00',
    '1893456000',
  ])('refuses the time %j', (text) =>
    expect(task.safeParse({ title: 'x', due_at: text }).success).toBe(false),
  );

  it('refuses an unknown status and a team that is no UUID', () => {
    expect(task.safeParse({ title: 'x', status: 'DONE' }).success).toBe(false);
    expect(task.safeParse({ title: 'x', team_id: 'T1' }).success).toBe(false);
  });
});

group('a patch', () => {
  const patch = patchShape('tasks');

  it('keeps what is absent and clears what is null', () => {
    expect(patch.parse({ body: null })).toEqual({ body: null });
    expect(fieldsIn('tasks', patch.parse({ body: null, status: 'done' }))).toEqual({
      body: null,
      status: 'done',
    });
  });

  it('must change something, and can clear neither title nor status', () => {
    for (const body of [{}, { title: null }, { status: null }, { team_id: null }]) {
      expect(patch.safeParse(body).success).toBe(false);
    }
  });

  it('can drop a secret', () => {
    expect(patchShape('credentials').parse({ secret: null })).toEqual({ secret: null });
    expect(fieldsIn('credentials', { title: 'x', secret: 's' })).toEqual({ title: 'x' });
  });
});

group('a row', () => {
  it.each(RESOURCES)('of %s shows no secret', (resource) => {
    const names = Object.keys(rowShape(resource).shape);
    expect(names).toEqual(
      expect.arrayContaining(['id', 'owner_id', 'team_id', 'created_at', 'updated_at', 'title']),
    );
    expect(names.filter((name) => name.includes('secret'))).toEqual([]);
  });
});
