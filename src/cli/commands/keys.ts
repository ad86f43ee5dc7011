import type { Command } from 'commander';
import { z } from 'zod';
import type { Api } from '../client/api.ts';
import { apiLeaf, connect, group, print, type ApiOptions } from '../shell/command.ts';
import { CliError, EXIT } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { table } from '../render/table.ts';
import { safe } from '../render/text.ts';

const KEYS = '/api/admin/keys';
const stateAnswer = z.looseObject({
  key_id: z.string(),
  sealed: z.array(z.looseObject({ table: z.string(), key_id: z.string().nullable(), rows: z.number() })),
  others: z.number(),
});
const batchAnswer = z.looseObject({
  resealed: z.number(),
  unopenable: z.number(),
  next: z.looseObject({ table: z.string(), key: z.string() }).nullable(),
});
type State = z.output<typeof stateAnswer>;

/** What is written while a pass runs may need another one; replicas that still seal under the old key would need it forever. */
const MAX_PASSES = 5;
const REMEDY =
  'Configure the missing key as an older key (MOSAIC_SEALING_OLDER_KEYS_FILE), see that every replica seals under the new one, and run the command again.';

interface RotateOptions extends ApiOptions {
  readonly dryRun?: boolean;
}

const renderState = ({ key_id: current, sealed, others }: State): string =>
  `${table(
    ['table', 'sealed under', 'rows'],
    sealed.map((one) => [
      safe(one.table),
      one.key_id === current ? `${safe(current)} (current)` : safe(one.key_id ?? 'nothing known'),
      String(one.rows),
    ]),
  )}\n${others} of them under another key than the current one.\n`;

/** One walk over everything. @returns how many values were sealed anew */
const pass = async (api: Api, onBatch: (resealed: number, unopenable: number) => void): Promise<number> => {
  let resealed = 0;
  let after: unknown = null;
  do {
    const batch: z.output<typeof batchAnswer> = await api.post(`${KEYS}/rotate`, { after }, batchAnswer);
    resealed += batch.resealed;
    onBatch(batch.resealed, batch.unopenable);
    after = batch.next;
  } while (after !== null);
  return resealed;
};

const rotate = async (io: Io, api: Api, isQuiet: boolean): Promise<State & { readonly resealed: number }> => {
  let resealed = 0;
  const tell = (more: number): void => {
    resealed += more;
    if (!isQuiet && more > 0) io.err(`Sealed anew: ${resealed}\n`);
  };
  for (let turn = 1; ; turn += 1) {
    const done = await pass(api, tell);
    const state = await api.get(KEYS, stateAnswer);
    if (state.others === 0 || done === 0 || turn === MAX_PASSES) return { ...state, resealed };
  }
};

export const addKeys = (program: Command, io: Io): void => {
  const keys = group(program, 'keys', 'The key that seals secrets at rest.', [
    'mosaic keys rotate --dry-run',
  ]);
  apiLeaf(
    keys,
    'rotate',
    'Seal everything anew under the current key, while the gateway serves. Can be run again at any time. Tier local makes a new key first.',
    ['mosaic keys rotate --dry-run', 'mosaic keys rotate --json'],
  )
    .option('--dry-run', 'count what is sealed under which key, and change nothing')
    .action(async (options: RotateOptions) => {
      const api = await connect(io, options);
      if (options.dryRun === true) {
        const state = await api.get(KEYS, stateAnswer);
        print(io, options, { status: 'planned', ...state }, () => renderState(state));
        return;
      }
      const done = await rotate(io, api, options.json === true);
      if (done.others > 0) {
        const title = `${done.others} sealed values are not under the current key ${done.key_id}.`;
        throw new CliError(EXIT.failure, { code: 'rotation_incomplete', title, remedy: REMEDY });
      }
      print(
        io,
        options,
        { status: 'complete', ...done },
        () =>
          `${done.resealed} values sealed anew; all are under key ${safe(done.key_id)} now.\n` +
          'Remove the older keys from the configuration of every replica, then restart the replicas.\n',
      );
    });
};
