import { Argument, type Command } from 'commander';
import { RESOURCES, resourceSpec, type Resource } from '../../../domain/resources.ts';
import { anyAnswer, rowAnswer, teamAnswer } from '../client/answers.ts';
import { segment } from '../client/api.ts';
import {
  apiLeaf,
  collect,
  connect,
  group,
  print,
  printMore,
  withPaging,
  type ApiOptions,
} from '../shell/command.ts';
import { usageError } from '../shell/exit.ts';
import { readJsonObject, readText } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { idOf } from '../client/lookup.ts';
import { parseFields } from '../shell/options.ts';
import { listAll, type PagingOptions } from '../client/paging.ts';
import { renderRow, renderRows } from '../render/rows.ts';
import { safe } from '../render/text.ts';

interface WriteOptions extends ApiOptions {
  readonly field?: readonly string[];
  readonly clear?: readonly string[];
  readonly jsonFile?: string;
  readonly secretFile?: string;
  readonly team?: string;
}

const pathOf = (resource: Resource, id?: string): string =>
  `/api/resources/${resource}${id === undefined ? '' : `/${segment(id)}`}`;

const ID = '3d3bd0f5-93a1-4d1e-8f3e-0b9b6f1a2c3d';

const resourceArgument = (): Argument => new Argument('<resource>', 'which kind of row').choices(RESOURCES);

const withFields = (command: Command): Command =>
  command
    .option('--field <name=value>', 'set a field; repeatable', collect)
    .option('--json-file <file>', 'fields as a JSON object, - for standard input; --field wins')
    .option(
      '--secret-file <file>',
      'secret of a credential or API key, - for standard input; never shown again',
    );

/** What to send: the JSON file, then single fields, then what is to be emptied. */
const bodyOf = async (io: Io, options: WriteOptions): Promise<Record<string, unknown>> => {
  if (options.jsonFile === '-' && options.secretFile === '-') {
    throw usageError('Standard input cannot be both the fields and the secret.');
  }
  const { jsonFile, secretFile } = options;
  return {
    ...(jsonFile === undefined ? {} : await readJsonObject(io, jsonFile)),
    ...parseFields(options.field ?? []),
    ...Object.fromEntries((options.clear ?? []).map((name) => [name, null])),
    // One line feed at the end belongs to the file, not to the secret.
    ...(secretFile === undefined ? {} : { secret: (await readText(io, secretFile)).replace(/\r?\n$/, '') }),
  };
};

const addReading = (parent: Command, io: Io): void => {
  withPaging(
    apiLeaf(parent, 'list', 'List your rows and those of your teams, newest first.', [
      'mosaic resource list tasks --limit 20',
    ]).addArgument(resourceArgument()),
  ).action(async (resource: Resource, options: ApiOptions & PagingOptions) => {
    const listing = await listAll(await connect(io, options), pathOf(resource), rowAnswer, options);
    print(io, options, listing, () => renderRows(resource, listing.items));
    printMore(io, options, listing.next_cursor);
  });

  apiLeaf(parent, 'show', 'Show one row in full.', [`mosaic resource show notes ${ID}`])
    .addArgument(resourceArgument())
    .argument('<id>')
    .action(async (resource: Resource, id: string, options: ApiOptions) => {
      const row = await (await connect(io, options)).get(pathOf(resource, id), rowAnswer);
      print(io, options, row, () => renderRow(row));
    });
};

const addWriting = (parent: Command, io: Io): void => {
  withFields(
    apiLeaf(parent, 'add', 'Add a row: your own, or a team’s.', [
      'mosaic resource add tasks --field title="Write the report" --field status=open',
      'mosaic resource add notes --team 1f0e… --json-file note.json',
    ]).addArgument(resourceArgument()),
  )
    .option('--team <team>', 'make it a row of this team: an id, or with an admin token a name')
    .action(async (resource: Resource, options: WriteOptions) => {
      const body = await bodyOf(io, options);
      const api = await connect(io, options);
      const { team } = options;
      const team_id =
        team === undefined ? {} : { team_id: await idOf(api, '/api/admin/teams', teamAnswer, 'team', team) };
      const row = await api.post(pathOf(resource), { ...body, ...team_id }, rowAnswer);
      print(io, options, row, () => renderRows(resource, [row]));
    });

  withFields(
    apiLeaf(parent, 'edit', 'Change fields of a row.', [
      `mosaic resource edit tasks ${ID} --field status=done --clear due_at`,
    ])
      .addArgument(resourceArgument())
      .argument('<id>'),
  )
    .option('--clear <field>', 'empty a field; repeatable', collect)
    .action(async (resource: Resource, id: string, options: WriteOptions) => {
      const body = await bodyOf(io, options);
      if (Object.keys(body).length === 0) {
        throw usageError('Nothing to change.', 'Give --field, --clear, --json-file or --secret-file.');
      }
      const row = await (await connect(io, options)).patch(pathOf(resource, id), body, rowAnswer);
      print(io, options, row, () => renderRows(resource, [row]));
    });

  apiLeaf(parent, 'delete', 'Delete a row.', [`mosaic resource delete tasks ${ID}`])
    .addArgument(resourceArgument())
    .argument('<id>')
    .action(async (resource: Resource, id: string, options: ApiOptions) => {
      await (await connect(io, options)).delete(pathOf(resource, id), anyAnswer);
      const said = `Deleted ${resourceSpec(resource).singular} ${safe(id)}.\n`;
      print(io, options, { id, deleted: true }, () => said);
    });
};

export const addResource = (program: Command, io: Io): void => {
  const resource = group(program, 'resource', `Rows of this gateway: ${RESOURCES.join(', ')}.`, [
    'mosaic resource list tasks',
    'mosaic resource add tasks --field title="Write the report"',
  ]);
  addReading(resource, io);
  addWriting(resource, io);
};
