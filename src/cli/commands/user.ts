import type { Command } from 'commander';
import { anyAnswer, userAnswer } from '../client/answers.ts';
import { segment } from '../client/api.ts';
import { apiLeaf, connect, group, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import type { Io } from '../shell/io.ts';
import { idOf } from '../client/lookup.ts';
import { listAll, type PagingOptions } from '../client/paging.ts';
import { renderUsers } from '../render/directory.ts';
import { safe } from '../render/text.ts';

export const USERS = '/api/admin/users';

export const addUser = (program: Command, io: Io): void => {
  const user = group(program, 'user', 'People of this gateway.', [
    'mosaic user create alice',
    'mosaic user list --json',
  ]);

  apiLeaf(user, 'create <name>', 'Create a user.', [
    'mosaic user create alice',
    'mosaic user create ops --admin --json',
  ])
    .option('--admin', 'may administer the gateway')
    .action(async (name: string, options: ApiOptions & { admin?: boolean }) => {
      const api = await connect(io, options);
      const made = await api.post(USERS, { name, is_admin: options.admin === true }, userAnswer);
      print(io, options, made, () => renderUsers([made]));
    });

  withPaging(apiLeaf(user, 'list', 'List users, newest first.', ['mosaic user list --all'])).action(
    async (options: ApiOptions & PagingOptions) => {
      const listing = await listAll(await connect(io, options), USERS, userAnswer, options);
      print(io, options, listing, () => renderUsers(listing.items));
      printMore(io, options, listing.next_cursor);
    },
  );

  apiLeaf(
    user,
    'delete <user>',
    'Delete a user, by name or id: personal rows, tokens and memberships go, grants are revoked.',
    ['mosaic user delete alice'],
  ).action(async (idOrName: string, options: ApiOptions) => {
    const api = await connect(io, options);
    const id = await idOf(api, USERS, userAnswer, 'user', idOrName);
    await api.delete(`${USERS}/${segment(id)}`, anyAnswer);
    print(io, options, { id, deleted: true }, () => `Deleted user ${safe(idOrName)}.\n`);
  });
};
