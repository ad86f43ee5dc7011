import type { Command } from 'commander';
import { bootstrapAnswer } from '../client/answers.ts';
import { apiLeaf, connect, print, type ApiOptions } from '../shell/command.ts';
import { readText, saveSecret } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { renderNewToken } from '../render/directory.ts';
import { safe } from '../render/text.ts';

interface BootstrapOptions extends ApiOptions {
  readonly saveToken?: string;
  readonly setupTokenFile?: string;
}

export const addBootstrap = (program: Command, io: Io): void => {
  apiLeaf(program, 'bootstrap <name>', 'Create the first administrator; refused once any user exists.', [
    'mosaic bootstrap admin --save-token ~/.mosaic-token',
    'mosaic gateway setup-token | mosaic bootstrap admin --setup-token-file - --save-token ~/.mosaic-token',
  ])
    .option('--save-token <file>', 'write the token to a new file (mode 0600) instead of printing it')
    .option(
      '--setup-token-file <file>',
      'file of the setup token, `-` for standard input (or MOSAIC_SETUP_TOKEN); not needed on the machine of tier local',
    )
    .action(async (name: string, options: BootstrapOptions) => {
      const api = await connect(io, options);
      const { setupTokenFile: file } = options;
      const given = file === undefined ? io.env['MOSAIC_SETUP_TOKEN'] : (await readText(io, file)).trim();
      const body = given === undefined || given === '' ? { name } : { name, setup_token: given };
      const setup = () => api.post('/api/bootstrap/setup', body, bootstrapAnswer);
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
