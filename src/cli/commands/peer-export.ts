import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { MosaicError } from '../../../domain/errors.ts';
import { fileError } from '../../../domain/system-errors.ts';
import { ConfigError } from '../../config/issues.ts';
import type { ExportedPeer } from '../../runtimes/node/peer-transport/peer-export.ts';
import { leaf, print, type OutputOptions } from '../shell/command.ts';
import { configProblem } from '../shell/configuration.ts';
import { CliError, EXIT, usageError } from '../shell/exit.ts';
import { pathError } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { safe } from '../render/text.ts';

interface ExportOptions extends OutputOptions {
  readonly out: string;
  readonly config?: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The binding's suggested name, and its entry in MOSAIC_PEER_BINDINGS. */
const bindingOf = ({ grantId, caFingerprint }: ExportedPeer) => {
  const name = `PEER_${grantId.slice(0, 8).toUpperCase()}`;
  return { name, entry: { [grantId]: { binding: name, ca: `sha256:${caFingerprint}` } } };
};

const load = async (io: Io, id: string, { config: file }: ExportOptions): Promise<ExportedPeer> => {
  // Loaded only here: no other command of this group needs a database.
  const { loadConfigFile } = await import('../../runtimes/node/boot/config-file.ts');
  const { exportPeer } = await import('../../runtimes/node/peer-transport/peer-export.ts');
  try {
    const { config } = loadConfigFile({ env: io.env, ...(file === undefined ? {} : { path: file }) });
    return await exportPeer(config, id);
  } catch (error) {
    if (error instanceof ConfigError) throw configProblem(error);
    if (!(error instanceof MosaicError)) throw error;
    const { code, message: title } = error;
    const exit =
      code === 'database_unavailable'
        ? EXIT.unreachable
        : code === 'not_found'
          ? EXIT.notFound
          : EXIT.failure;
    throw new CliError(exit, { code, title }, error);
  }
};

/** A new folder for its owner alone. @throws CliError usage when it is there already */
const makeFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    throw pathError(folder, 'cannot be created', fileError(error));
  }
};

/** `mosaic federation peer export`: reads the database itself, as the gateway does, and asks no gateway. */
export const addPeerExport = (peer: Command, io: Io): void => {
  leaf(
    peer,
    'export <peer-id>',
    'Write the certificate and key of an outbound peer, for a binding on Workers. Needs the configuration of the gateway.',
    ['mosaic federation peer export 0198c1de-0000-7000-8000-000000000001 --out peer-work'],
  )
    .requiredOption('--out <folder>', 'new folder for client.pem, client.key, ca.pem and binding.json')
    .option('--config <file>', 'configuration of the gateway (default mosaic.config.json and environment)')
    .action(async (id: string, options: ExportOptions) => {
      if (!UUID.test(id))
        throw usageError(
          `${safe(id)} is not the id of a peer.`,
          'Copy it from the list that `mosaic federation peer list` prints.',
        );
      // First: a key that cannot be written must not have been opened, nor be in the audit log as exported.
      await makeFolder(options.out);
      const exported = await load(io, id, options).catch(async (error: unknown) => {
        await rmdir(options.out);
        throw error;
      });
      const { name, entry } = bindingOf(exported);
      const files = {
        'client.pem': exported.certPem,
        'client.key': exported.keyPem,
        'ca.pem': exported.caPem,
        'binding.json': `${JSON.stringify(entry, null, 2)}\n`,
      };
      for (const [file, text] of Object.entries(files))
        await writeFile(path.join(options.out, file), text, { mode: 0o600, flag: 'wx' });
      const { peer: of, grantId, federationUrl, notAfter } = exported;
      const result = { peer: of, grant_id: grantId, federation_url: federationUrl, binding: name, entry };
      print(
        io,
        options,
        { ...result, not_after: notAfter?.toISOString() ?? null, folder: options.out },
        () =>
          `Wrote ${safe(options.out)}: the key of peer ${safe(of)} is in client.key, readable by you alone.\n` +
          `Bind it as ${name}, and put this into MOSAIC_PEER_BINDINGS:\n${JSON.stringify(entry)}\n`,
      );
    });
};
