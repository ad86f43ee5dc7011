import {
  assertAuthorizedWrite,
  type AuthorizedWrite,
  type WriteAction,
} from '../../../domain/access/write.ts';
import type { ResourceWriter } from '../../../domain/ports/resources.ts';
import { isSensitive, type ResourceRow } from '../../../domain/resources.ts';
import type { Queryable } from '../../driver/driver.ts';
import { deleteText, insertText, updateText, writtenFields } from '../../sql/write.ts';
import { unwrapped, type Session } from '../session.ts';

const assertFor = (write: AuthorizedWrite, action: WriteAction): void => {
  assertAuthorizedWrite(write);
  if (write.action !== action) throw new TypeError(`authorized to ${write.action}, not to ${action}`);
};

/** Writes as the acting person: the statement filters, and row-level security would without it. */
export const createResourceWriter = ({ atomically }: Session): ResourceWriter => {
  const asPerson = <T>(write: AuthorizedWrite, work: (db: Queryable) => Promise<T>): Promise<T> =>
    atomically(async ({ raw }) => {
      await raw.query(`select set_config('app.subject', $1::text, true)`, [write.userId]);
      return work(raw);
    });

  return unwrapped<ResourceWriter>({
    insert: async (write, { id, teamId, fields, secretSealed, createdAt }) => {
      assertFor(write, 'create');
      const { resource, userId } = write;
      const names = writtenFields(resource, fields);
      const [row] = await asPerson(write, (db) =>
        db.query<ResourceRow>(insertText(resource, names), [
          userId,
          id,
          teamId,
          createdAt.toISOString(),
          ...names.map((name) => fields[name] ?? null),
          ...(isSensitive(resource) ? [secretSealed] : []),
        ]),
      );
      return row ?? null;
    },

    update: async (write, id, { fields, secretSealed, updatedAt }) => {
      assertFor(write, 'update');
      const { resource, userId } = write;
      const names = writtenFields(resource, fields);
      const withSecret = isSensitive(resource) && secretSealed !== undefined;
      const [row] = await asPerson(write, (db) =>
        db.query<ResourceRow>(updateText(resource, names, withSecret), [
          userId,
          id,
          updatedAt.toISOString(),
          ...names.map((name) => fields[name] ?? null),
          ...(withSecret ? [secretSealed] : []),
        ]),
      );
      return row ?? null;
    },

    delete: async (write, id) => {
      assertFor(write, 'delete');
      const [row] = await asPerson(write, (db) =>
        db.query<{ readonly deleted: boolean }>(deleteText(write.resource), [write.userId, id]),
      );
      return row === undefined ? 'absent' : row.deleted ? 'deleted' : 'forbidden';
    },
  });
};
