import { once } from 'node:events';
import type { Command } from 'commander';
import { leaf, print, type OutputOptions } from '../shell/command.ts';
import { leaveTraces, playDemo, type Traces } from '../demo/stage.ts';
import { CliError, EXIT } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { isCheckout } from '../../runtimes/node/boot/place.ts';
import { demoJson, renderDemo, renderInvitation } from '../render/demo.ts';

interface DemoOptions extends OutputOptions {
  readonly once?: boolean;
}

const COMMAND = isCheckout ? 'npm run -s mosaic --' : 'mosaic';

const failed = (error: unknown): CliError =>
  error instanceof CliError
    ? error
    : new CliError(EXIT.failure, {
        code: 'demo_failed',
        title: 'The demo could not be shown.',
        detail: error instanceof Error ? error.message : 'no reason given',
      });

const interrupted = (): CliError =>
  new CliError(EXIT.failure, { code: 'interrupted', title: 'Stopped before the demo was over.' });

const gatewayEnded = async ({ gateways }: Traces): Promise<never> => {
  await Promise.race(gateways.map(({ exited }) => exited));
  throw new Error('A gateway ended by itself.');
};

const showDemo = async (io: Io, options: DemoOptions): Promise<void> => {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  const stopped = once(stopping.signal, 'abort');
  const traces = await leaveTraces();
  try {
    const play = playDemo(traces, (step) => io.err(`${step}\n`));
    const outcome = await Promise.race([play, stopped.then(() => null)]);
    if (outcome === null) {
      play.catch(() => undefined);
      throw interrupted();
    }
    print(io, options, demoJson(outcome.result), () => renderDemo(outcome.result));
    if (options.once === true) return;
    if (options.json !== true) io.out(renderInvitation(outcome, COMMAND));
    await Promise.race([stopped, gatewayEnded(traces)]);
    io.err('\nEnding both gateways …\n');
  } catch (error) {
    throw failed(error);
  } finally {
    await traces.close();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop);
  }
};

export const addDemo = (program: Command, io: Io): void => {
  leaf(
    program,
    'demo',
    'Run two real gateways on this machine, with people, a grant, an enrollment and a blended query. It needs no set-up and leaves nothing behind.',
    ['mosaic demo', 'mosaic demo --once --json'],
  )
    .option('--once', 'end after showing it, instead of keeping the gateways running')
    .action((options: DemoOptions) => showDemo(io, options));
};
