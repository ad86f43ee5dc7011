import { Option, type Command } from 'commander';
import { anyAnswer, newTokenAnswer, tokenAnswer, userAnswer } from '../client/answers.ts';
import { segment } from '../client/api.ts';
import { apiLeaf, connect, group, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import { saveSecret } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { idOf } from '../client/lookup.ts';
import { wholeNumber } from '../shell/options.ts';
import { listAll, type PagingOptions } from '../client/paging.ts';
import { renderNewToken, renderTokens } from '../render/directory.ts';
import { safe } from '../render/text.ts';
import { USERS } from './user.ts';

const TOKENS = '/api/admin/tokens';

interface CreateOptions extends ApiOptions {
  readonly user: string;
  readonly name: string;
  readonly access: 'read' | 'write';
  readonly expiresInDays?: number;
  readonly saveToken?: string;
}

const create = async (io: Io, options: CreateOptions): Promise<void> => {
  const api = await connect(io, options);
  const { saveToken, expiresInDays } = options;
  const body = {
    user_id: await idOf(api, USERS, userAnswer, 'user', options.user),
    name: options.name,
    access: options.access,
    ...(expiresInDays === undefined ? {} : { expires_in_days: expiresInDays }),
  };
  const make = () => api.post(TOKENS, body, newTokenAnswer);
  const made = saveToken === undefined ? await make() : await saveSecret(saveToken, make, ({ text }) => text);
  const { text, ...token } = made;
  print(
    io,
    options,
    saveToken === undefined ? made : { ...token, saved_to: saveToken },
    () => `${renderTokens([made], io.now())}\n${renderNewToken(text, saveToken)}`,
  );
};

export const addToken = (program: Command, io: Io): void => {
  const token = group(program, 'token', 'API tokens. Their text is shown once and stored nowhere.', [
    'mosaic token create --user alice --name laptop --access read',
  ]);

  apiLeaf(token, 'create', 'Create a token for a user.', [
    'mosaic token create --user alice --name laptop --save-token alice.token',
    'mosaic token create --user alice --name backup --access read --expires-in-days 30 --json',
  ])
    .requiredOption('--user <user>', 'name or id of the user')
    .requiredOption('--name <name>', 'what the token is for')
    .addOption(new Option('--access <access>', 'what it allows').choices(['read', 'write']).default('write'))
    .option(
      '--expires-in-days <days>',
      'lifetime; without it the token does not expire',
      wholeNumber(1, 3650),
    )
    .option('--save-token <file>', 'write the token to a new file (mode 0600) instead of printing it')
    .action((options: CreateOptions) => create(io, options));

  withPaging(
    apiLeaf(token, 'list', 'List tokens, newest first; never their text.', [
      'mosaic token list --user alice',
    ]).option('--user <user>', 'only those of this user (name or id)'),
  ).action(async (options: ApiOptions & PagingOptions & { user?: string }) => {
    const api = await connect(io, options);
    const user_id =
      options.user === undefined ? undefined : await idOf(api, USERS, userAnswer, 'user', options.user);
    const listing = await listAll(api, TOKENS, tokenAnswer, options, { user_id });
    print(io, options, listing, () => renderTokens(listing.items, io.now()));
    printMore(io, options, listing.next_cursor);
  });

  apiLeaf(token, 'revoke <id>', 'Revoke a token; it stops working at once.', [
    'mosaic token revoke 0d7c8e0a-54a1-4f4f-9f6c-3b6f0d9a7e11',
  ]).action(async (id: string, options: ApiOptions) => {
    await (await connect(io, options)).delete(`${TOKENS}/${segment(id)}`, anyAnswer);
    print(io, options, { id, revoked: true }, () => `Revoked token ${safe(id)}.\n`);
  });
};
