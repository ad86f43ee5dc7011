import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { federationStatusAnswer } from '../client/answers.ts';
import { apiLeaf, connect, print, type ApiOptions } from '../shell/command.ts';
import { ExitWith } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { wholeNumber } from '../shell/options.ts';
import { renderFederationStatus } from '../render/federation-status.ts';

interface StatusOptions extends ApiOptions {
  /** `true` when no number was given. */
  readonly watch?: number | true;
  readonly count?: number;
}

const DEFAULT_SECONDS = 5;
/** Home, then clear to the end: nothing flickers. */
const CLEAR = '\u001b[H\u001b[J';
const EXIT_OF: Readonly<Record<string, number>> = { green: 0, yellow: 1, red: 2 };

const status = async (io: Io, options: StatusOptions): Promise<void> => {
  const api = await connect(io, options);
  const { watch, count = watch === undefined ? 1 : Infinity } = options;
  const seconds = typeof watch === 'number' ? watch : DEFAULT_SECONDS;
  let code = 0;
  for (let shown = 0; shown < count; shown += 1) {
    if (shown > 0) await sleep(seconds * 1000);
    const answer = await api.get('/api/admin/federation/status', federationStatusAnswer);
    const isScreen = watch !== undefined && options.json !== true && io.columns !== undefined;
    print(io, options, answer, () => `${isScreen ? CLEAR : ''}${renderFederationStatus(answer, io.now())}`);
    code = EXIT_OF[answer.status] ?? 2;
  }
  if (code !== 0) throw new ExitWith(code);
};

/** `mosaic federation status`. */
export const addFederationStatus = (federation: Command, io: Io): void => {
  apiLeaf(
    federation,
    'status',
    'Show the state of peers, circuit breakers, certificates, cache and audit log. Exit code: 0 green, 1 yellow, 2 red.',
    ['mosaic federation status', 'mosaic federation status --watch 2', 'mosaic federation status --json'],
  )
    .option(
      '--watch [seconds]',
      `repeat after this many seconds (default ${DEFAULT_SECONDS})`,
      wholeNumber(1, 3_600),
    )
    .option('--count <times>', 'with --watch: stop after this many repetitions', wholeNumber(1, 1_000_000))
    .action((options: StatusOptions) => status(io, options));
};
