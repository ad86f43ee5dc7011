import { readFile } from 'node:fs/promises';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { boot, look, stateDirFrom, takeDown, type HarnessOptions } from './handle.ts';
import { seed } from './index.ts';
import { VARIANTS, type Variant } from './seed/variants.ts';
import { PORTS } from './stack/ports.ts';
import { readState } from './stack/state.ts';

/** `npm run harness -- …`: two gateways by hand. Results on standard output, all else on standard error. */
interface Options {
  readonly stateDir?: string;
  readonly mode?: 'auto' | 'process' | 'compose';
  readonly json?: boolean;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const print = ({ json }: Options, data: unknown, text: string): void =>
  void process.stdout.write(`${json === true ? JSON.stringify(data, null, 2) : text}\n`);

const harnessOptions = ({ stateDir, mode }: Options): HarnessOptions => ({
  ...(stateDir === undefined ? {} : { stateDir }),
  ...(mode === undefined ? {} : { mode }),
});

const bootTimed = async (options: Options) => {
  const begin = performance.now();
  const handle = await boot(harnessOptions(options));
  const milliseconds = Math.round(performance.now() - begin);
  const { a, b } = handle.state.gateways;
  const data = {
    owned_stack: handle.ownedStack,
    mode: handle.mode,
    state_dir: handle.stateDir,
    milliseconds,
    server_a: { base_url: a.baseUrl, federation_url: a.federationUrl },
    server_b: { base_url: b.baseUrl, federation_url: b.federationUrl },
    root_cert_file: handle.state.rootCertFile,
  };
  const text = [
    `${handle.ownedStack ? `booted in ${milliseconds} ms` : 'runs already'} (${handle.mode}, ${handle.stateDir})`,
    `A  ${a.baseUrl}  peers: ${a.federationUrl}`,
    `B  ${b.baseUrl}  peers: ${b.federationUrl}`,
    `Trust ${handle.state.rootCertFile}`,
  ].join('\n');
  return { handle, data, text };
};

const up = async (options: Options): Promise<void> => {
  const { data, text } = await bootTimed(options);
  print(options, data, text);
};

const seedIt = async (which: Variant | 'all', options: Options & { readonly boot?: boolean }) => {
  const stateDir = stateDirFrom(options.stateDir);
  const found = await look(stateDir);
  if (options.boot !== true && found?.health.healthy !== true)
    throw new Error('the harness does not run: npm run harness -- up, or add --boot');
  const { handle } = await bootTimed(options);
  const { grants, tokens } = await seed(handle, which);
  const lines = [
    ...Object.entries(grants).map(([name, { id, peerName }]) => `${name}  ${id}  federated:${peerName}`),
    ...Object.entries(tokens).map(([name, token]) => `${name}  ${token}`),
  ];
  print(options, { grants, tokens }, lines.join('\n'));
};

const status = async (options: Options): Promise<void> => {
  const stateDir = stateDirFrom(options.stateDir);
  const found = await look(stateDir);
  if (found?.health.healthy !== true) process.exitCode = 1;
  if (found === null) {
    print(options, { healthy: false, complaints: ['nothing runs'], state_dir: stateDir }, 'nothing runs');
    return;
  }
  const { state, health } = found;
  const { a, b } = state.gateways;
  const components = state.components.map(({ name, pid, logFile }) => ({ name, pid, log_file: logFile }));
  const data = { ...health, mode: state.mode, state_dir: stateDir, ports: state.ports, components };
  const lines = [
    `${health.healthy ? 'healthy' : 'not healthy'} (${state.mode}, ${state.place})`,
    ...health.complaints.map((complaint) => `  ${complaint}`),
    `A  ${a.baseUrl}  peers: ${a.federationUrl}`,
    `B  ${b.baseUrl}  peers: ${b.federationUrl}`,
    ...components.map(({ name, pid, log_file: log }) => `${name}  pid ${pid}  ${log}`),
  ];
  print(options, data, lines.join('\n'));
};

const rootCert = async (options: Options): Promise<void> => {
  const state = readState(stateDirFrom(options.stateDir));
  if (state === null) throw new Error('there is no harness: npm run harness -- up');
  const pem = await readFile(state.rootCertFile, 'utf8');
  print(options, { pem, file: state.rootCertFile }, pem.trimEnd());
};

const down = async (options: Options & { readonly volumes?: boolean }): Promise<void> => {
  const stateDir = stateDirFrom(options.stateDir);
  const was = await takeDown(stateDir, options.volumes === true);
  const kept = options.volumes === true ? 'data removed' : 'data kept';
  print(options, { stopped: was, state_dir: stateDir }, was ? `stopped, ${kept}` : 'nothing to stop');
};

const variables = Object.values(PORTS)
  .map(({ variable, port }) => `  ${variable.padEnd(26)} ${port}`)
  .join('\n');

const program = new Command('npm run -s harness --')
  .description('Two real gateways with all they stand on, by hand. docs/how-to/harness.md tells more.')
  .exitOverride()
  .showHelpAfterError('Add --help for the options.')
  .addHelpText(
    'after',
    `\nPorts, each by environment variable:\n${variables}\n
Also: MOSAIC_HARNESS_STATE_DIR, MOSAIC_HARNESS_MODE\n
Exit codes: 0 ok · 1 failed, or (status) not healthy · 2 wrong usage`,
  );

const command = (usage: string, summary: string, example: string): Command =>
  program
    .command(usage)
    .exitOverride()
    .description(summary)
    .option('--state-dir <folder>', 'state, data and logs (default .cache/harness)')
    .addOption(new Option('--mode <mode>', 'what to boot').choices(['auto', 'process', 'compose']))
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n  $ npm run -s harness -- ${example}`);

command('up', 'Boot, or use what runs.', 'up').action(up);
command('seed', 'Fill both gateways and enroll the variants; prints grants and tokens.', 'seed --boot --json')
  .argument(
    '[variant]',
    `all, ${VARIANTS.join(', ')}`,
    (text: string) => {
      const known = [...VARIANTS, 'all'] as const;
      const found = known.find((one) => one === text);
      if (found === undefined) throw new InvalidArgumentError(`It is one of ${known.join(', ')}.`);
      return found;
    },
    'all' as const,
  )
  .option('--boot', 'boot first when nothing runs')
  .action(seedIt);
command('status', 'Whether it runs and is well.', 'status').action(status);
command('root-cert', 'Print the root certificate that clients trust.', 'root-cert > root.pem').action(
  rootCert,
);
command('down', 'Stop it; its data stays.', 'down --volumes')
  .option('--volumes', 'remove data, secrets and logs, too')
  .action(down);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  const text = error instanceof Error ? error.message : String(error);
  const isJson = process.argv.includes('--json');
  say(isJson ? JSON.stringify({ code: 'harness', detail: text }) : text);
  process.exitCode = 1;
}
