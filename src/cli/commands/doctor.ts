import type { Command } from 'commander';
import { ConfigError } from '../../config/issues.ts';
import { leaf, print, type OutputOptions } from '../shell/command.ts';
import { configProblem } from '../shell/configuration.ts';
import { ExitWith } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { renderDoctor } from '../render/doctor.ts';

interface DoctorOptions extends OutputOptions {
  readonly config?: string;
}

const doctor = async (io: Io, options: DoctorOptions): Promise<void> => {
  // Loaded only here: no other command needs them.
  const [{ loadConfigFile, CONFIG_FILE }, { inspect }, { evaluate, EXIT_OF }] = await Promise.all([
    import('../../runtimes/node/boot/config-file.ts'),
    import('../../runtimes/node/doctor/inspect.ts'),
    import('../../runtimes/node/doctor/evaluate.ts'),
  ]);
  const load = () => {
    try {
      return loadConfigFile({
        env: io.env,
        ...(options.config === undefined ? {} : { path: options.config }),
      });
    } catch (error) {
      throw error instanceof ConfigError ? configProblem(error) : error;
    }
  };
  const { config, warnings, hasFile } = load();
  const file = hasFile ? (options.config ?? CONFIG_FILE) : null;
  const diagnosis = evaluate(await inspect({ config, file, warnings }), io.now());
  print(io, options, { tier: config.tier, config_file: file, ...diagnosis }, () => renderDoctor(diagnosis));
  const code = EXIT_OF[diagnosis.status];
  if (code !== 0) throw new ExitWith(code);
};

/** `mosaic gateway doctor`. */
export const addDoctor = (gateway: Command, io: Io): void => {
  leaf(
    gateway,
    'doctor',
    'Check everything that a gateway depends on, and change nothing. Exit code: 0 green, 1 yellow, 2 red.',
    ['mosaic gateway doctor', 'mosaic gateway doctor --config /etc/mosaic/mosaic.config.json --json'],
  )
    .option('--config <file>', 'configuration file (default mosaic.config.json, when there is one)')
    .action((options: DoctorOptions) => doctor(io, options));
};
