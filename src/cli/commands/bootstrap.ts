import type { Command } from 'commander';
import { bootstrapAnswer } from '../answers.ts';
import { apiLeaf, connect, print, type ApiOptions } from '../command.ts';
import { saveSecret } from '../files.ts';
import type { Io } from '../io.ts';
import { renderNewToken } from '../render/directory.ts';
import { safe } from '../render/text.ts';

interface BootstrapOptions extends ApiOptions {
  readonly saveToken?: string;
}

export const addBootstrap = (program: Command, io: Io): void => {
  apiLeaf(program, 'bootstrap <name>', 'Create the first administrator; refused once any user exists.', [
    'mosaic bootstrap admin --save-token ~/.mosaic-token',
    'mosaic bootstrap admin --json',
  ])
    .option('--save-token <file>', 'write the token to a new file (mode 0600) instead of printing it')
    .action(async (name: string, options: BootstrapOptions) => {
      const api = await connect(io, options);
      const setup = () => api.post('/api/bootstrap/setup', { name }, bootstrapAnswer);
      const { saveToken } = options;
      const made =
        saveToken === undefined
          ? await setup()
          : await saveSecret(saveToken, setup, ({ token }) => token.text);
      const { text, ...token } = made.token;
      const shown = saveToken === undefined ? made : { ...made, token: { ...token, saved_to: saveToken } };
      print(
        io,
        options,
        shown,
        () =>
          `Administrator ${safe(made.user.name)} (${safe(made.user.id)}).\n${renderNewToken(text, saveToken)}`,
      );
    });
};
