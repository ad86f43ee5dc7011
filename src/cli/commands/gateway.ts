import type { Command } from 'commander';
import type { GatewayConfig } from '../../config/config.ts';
import { ConfigError } from '../../config/issues.ts';
import type { BootError } from '../../runtimes/node/boot/boot-fault.ts';
import type { RunningGateway } from '../../runtimes/node/boot/start.ts';
import { stopSignals, type StopSignals } from '../../runtimes/node/boot/stop-signals.ts';
import { group, leaf, type OutputOptions } from '../shell/command.ts';
import { configProblem } from '../shell/configuration.ts';
import { CliError, EXIT } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { wholeNumber } from '../shell/options.ts';
import { addAcceptRestore } from './accept-restore.ts';
import { addDoctor } from './doctor.ts';
import { readyLine, renderReady } from '../render/gateway.ts';
import { addSetupToken } from './setup-token.ts';

interface StartOptions extends OutputOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly publicPort?: number;
  readonly federationPort?: number;
  readonly name?: string;
  readonly stopWithStdin?: boolean;
}

/** Options win over the environment, by standing in its place. */
const environmentOf = (options: StartOptions, env: Io['env']): Io['env'] => {
  const given = {
    MOSAIC_GATEWAY_NAME: options.name,
    MOSAIC_DATA_DIR: options.dataDir,
    MOSAIC_PUBLIC_PORT: options.publicPort?.toString(),
    MOSAIC_FEDERATION_PORT: options.federationPort?.toString(),
  };
  return { ...env, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
};

/** Whoever started it may end it by ending standard input, too. */
const stopWithStdin = (signals: StopSignals): void => {
  const ask = (): void => signals.ask();
  process.stdin.on('close', ask).on('end', ask).on('error', ask).resume();
};

/** Each service that is missing, with its place and the remedy. */
const bootProblem = (error: BootError): CliError => {
  const issues = error.faults.map(({ service, where, message, remedy }) => ({
    path: `${service} at ${where}`,
    message: `${message}. What to do: ${remedy}`,
  }));
  return new CliError(
    EXIT.failure,
    { code: 'not_started', title: 'The gateway did not start.', issues },
    error,
  );
};

const notStarted = async (error: unknown): Promise<CliError> => {
  if (error instanceof ConfigError) return configProblem(error);
  const { BootError } = await import('../../runtimes/node/boot/boot-fault.ts');
  if (error instanceof BootError) return bootProblem(error);
  const { explainFailure } = await import('../../runtimes/node/main.ts');
  const [line = 'no reason given'] = explainFailure(error).message.split('\n');
  const [detail = line, remedy] = line.split(' What to do: ');
  const problem = { code: 'not_started', title: 'The gateway did not start.', detail };
  return new CliError(EXIT.failure, remedy === undefined ? problem : { ...problem, remedy }, error);
};

const startFrom = async (options: StartOptions, env: Io['env']): Promise<[RunningGateway, GatewayConfig]> => {
  // Loaded only here: no other command needs the gateway.
  const [{ loadConfigFile }, { createLog }, { beginProvisionerKeys }] = await Promise.all([
    import('../../runtimes/node/boot/config-file.ts'),
    import('../../runtimes/node/boot/log.ts'),
    import('../../runtimes/node/step-ca/provisioner-keys.ts'),
  ]);
  const { config, warnings } = loadConfigFile({
    env: environmentOf(options, env),
    ...(options.config === undefined ? {} : { path: options.config }),
  });
  const log = createLog({ level: config.logLevel, gateway: config.gatewayName });
  for (const warning of warnings) log.warn(warning);
  // Before the remainder is loaded: it takes other threads as long as that takes this one.
  beginProvisionerKeys(config);
  const [{ startGateway }, { isStale }] = await Promise.all([
    import('../../runtimes/node/boot/start.ts'),
    import('../../runtimes/node/boot/stale.ts'),
  ]);
  const gateway = await startGateway(config, { log });
  setImmediate(() => {
    if (isStale()) log.warn('this build is older than the sources beside it: run `npm run build`');
  });
  return [gateway, config];
};

/** Whatever a gateway writes is nobody's to change but its own user's, and nobody's to read beyond the group. */
const OTHERS = 0o027;

const start = async (io: Io, options: StartOptions): Promise<void> => {
  process.umask(process.umask() | OTHERS);
  // From the beginning: a signal while it starts must end it, too.
  const signals = stopSignals(EXIT.failure);
  if (options.stopWithStdin === true) stopWithStdin(signals);
  const [gateway, config] = await startFrom(options, io.env).catch(async (error: unknown) => {
    signals.failed();
    throw await notStarted(error);
  });
  signals.started(config.shutdownSeconds * 1_000);
  const ready = {
    name: config.gatewayName,
    public_url: gateway.publicUrl,
    federation_url: gateway.federationUrl,
    data_dir: config.dataDir,
    pid: process.pid,
    first_start: gateway.needsFirstAdmin,
    ...(gateway.setupToken === null ? {} : { setup_token: gateway.setupToken }),
  };
  io.out(options.json === true ? readyLine(ready) : renderReady(ready));
  await signals.asked;
  await gateway.stop();
  process.stdin.destroy();
};

export const addGateway = (program: Command, io: Io): void => {
  const gateway = group(program, 'gateway', 'The gateway itself.', [
    'mosaic gateway start',
    'mosaic gateway doctor',
  ]);
  const command = leaf(gateway, 'start', 'Start a gateway; SIGTERM, SIGHUP or Ctrl-C ends it gracefully.', [
    'mosaic gateway start',
    'mosaic gateway start --name work --data-dir /var/lib/mosaic --public-port 8080 --federation-port 8443',
  ])
    .option('--config <file>', 'configuration file (default mosaic.config.json, when there is one)')
    .option('--name <name>', 'what the gateway calls itself to peers (MOSAIC_GATEWAY_NAME)')
    .option('--data-dir <folder>', 'folder of the embedded database and its keys (MOSAIC_DATA_DIR)')
    .option('--public-port <port>', 'port of the public API, 0 for any free one', wholeNumber(0, 65_535))
    .option('--federation-port <port>', 'port for peers, 0 for any free one', wholeNumber(0, 65_535))
    .option('--stop-with-stdin', 'end when standard input does, for a program that starts gateways');
  command.action((options: StartOptions) => start(io, options));
  addDoctor(gateway, io);
  addAcceptRestore(gateway, io);
  addSetupToken(gateway, io);
};
