import { expect } from 'vitest';
import type { AuthorizedList } from '../../domain/access/decide.ts';
import type { Page } from '../../domain/ports/page.ts';
import type { Fenced, ResourceReader } from '../../domain/ports/resources.ts';
import type { ResourceRow } from '../../domain/resources.ts';

/** A list, read both ways a reader has: as rows and as JSON. They must say the same, to the letter. */
export const listed = async (
  reader: ResourceReader,
  read: AuthorizedList,
): Promise<Fenced<Page<ResourceRow>>> => {
  const rows = await reader.list(read);
  const json = await reader.listJson(read);
  expect(json).toEqual(
    rows.admitted
      ? {
          admitted: true,
          value: {
            json: rows.value.items.map((row) => JSON.stringify(row)).join(','),
            count: rows.value.items.length,
            next: rows.value.next,
          },
        }
      : { admitted: false },
  );
  return rows;
};
