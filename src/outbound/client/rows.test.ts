import { describe, expect, it } from 'vitest';
import { COMMON_COLUMNS, RESOURCES, resourceSpec, type Resource } from '../../../domain/resources.ts';
import { isTimestamp, readRows, rowReader } from './rows.ts';

const ID = '3d3bd0f5-93a1-4d1e-8f3e-0b9b6f1a2c3d';
const AT = '2026-01-31T09:00:00.000Z';

const sample = (resource: Resource): Record<string, unknown> => {
  const row: Record<string, unknown> = {
    id: ID,
    owner_id: null,
    team_id: ID,
    created_at: AT,
    updated_at: AT,
  };
  for (const [name, { kind }] of Object.entries(resourceSpec(resource).fields)) {
    row[name] = kind === 'text' ? 'text' : kind === 'timestamp' ? AT : 'done';
  }
  return row;
};

describe.each(RESOURCES)('a row of %s from a peer', (resource) => {
  const read = rowReader(resource);

  it('is taken with exactly its columns; others are dropped', () => {
    const row = read({ ...sample(resource), secret: 'canary', constructor: 'x', ['__proto__']: {} });
    expect(Object.keys(row ?? {}).toSorted()).toEqual(
      [...COMMON_COLUMNS, ...Object.keys(resourceSpec(resource).fields)].toSorted(),
    );
  });

  it('is refused when a column is missing or of another type', () => {
    for (const column of Object.keys(sample(resource))) {
      const { [column]: _gone, ...rest } = sample(resource);
      expect([column, read(rest)]).toEqual([column, null]);
      for (const bad of [1, true, {}, [], ['text'], undefined]) {
        expect([column, bad, read({ ...sample(resource), [column]: bad })]).toEqual([column, bad, null]);
      }
    }
  });

  it('is refused for null where a value is required, and for texts out of bounds', () => {
    expect(read({ ...sample(resource), title: null })).toBeNull();
    expect(read({ ...sample(resource), title: 'x'.repeat(301) })).toBeNull();
    expect(read({ ...sample(resource), title: '😀'.repeat(300) })).not.toBeNull();
    expect(read({ ...sample(resource), title: 'a\u0000b' })).toBeNull();
    expect(read({ ...sample(resource), title: '\ud800' })).toBeNull();
    expect(read({ ...sample(resource), id: ID.toUpperCase() })).toBeNull();
  });
});

describe('rows of a peer', () => {
  const at = (ms: number, n: number): Record<string, unknown> => ({
    ...sample('notes'),
    created_at: new Date(1_700_000_000_000 + ms).toISOString(),
    id: ID.slice(0, -1) + n,
  });

  it('must be in order, each once, and no more than asked for', () => {
    expect(readRows('notes', [at(2, 1), at(1, 2), at(1, 1)], 3)).toHaveLength(3);
    expect(readRows('notes', [at(1, 1), at(2, 1)], 3)).toBeNull();
    expect(readRows('notes', [at(1, 1), at(1, 2)], 3)).toBeNull();
    expect(readRows('notes', [at(1, 1), at(1, 1)], 3)).toBeNull();
    expect(readRows('notes', [at(2, 1), at(1, 1)], 1)).toBeNull();
    expect(readRows('notes', { length: 0 }, 1)).toBeNull();
  });

  it('have timestamps that exist', () => {
    expect(isTimestamp(AT)).toBe(true);
    for (const bad of [
      '2026-02-30T00:00:00.000Z',
      '2026-01-01T24:00:00.000Z',
      '2026-01-01T00:00:00Z',
      `${AT} `,
      '2026-01-01',
    ]) {
      expect([bad, isTimestamp(bad)]).toEqual([bad, false]);
    }
  });

  it('have timestamps that exist, as the calendar says of each number there could be', () => {
    const two = (n: number): string => String(n).padStart(2, '0');
    const exists = (text: string): boolean => {
      const time = Date.parse(text);
      return !Number.isNaN(time) && new Date(time).toISOString() === text;
    };
    const texts = [
      ...['0000', '1900', '2000', '2023', '2024', '9999'].flatMap((year) =>
        Array.from(
          { length: 14 * 33 },
          (_, n) => `${year}-${two(n % 14)}-${two(Math.floor(n / 14))}T00:00:00.000Z`,
        ),
      ),
      ...Array.from({ length: 100 }, (_, n) => `2024-02-29T${two(n)}:00:00.000Z`),
      ...Array.from({ length: 100 }, (_, n) => `2024-02-28T23:${two(n)}:00.000Z`),
      ...Array.from({ length: 100 }, (_, n) => `2024-02-28T23:59:${two(n)}.999Z`),
    ];
    expect(texts.filter((text) => isTimestamp(text) !== exists(text))).toEqual([]);
    expect(texts.filter(isTimestamp).length).toBeGreaterThan(2_000);
  });
});
