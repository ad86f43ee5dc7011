import type { Command } from 'commander';
import { parseDatabaseAddress } from '../../../domain/database/address.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { group, leaf, print, type OutputOptions } from '../shell/command.ts';
import { CliError, EXIT, usageError } from '../shell/exit.ts';
import { readText } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { safe } from '../render/text.ts';

interface MigrateOptions extends OutputOptions {
  readonly urlFile?: string;
}

interface SetupOptions extends OutputOptions {
  readonly peers: string;
  readonly api: string;
  readonly maintenance: string;
}

const VARIABLE = 'DATABASE_MAINTENANCE_URL';
const REMEDY = `Give postgres://user:password@host:port/database of the login for maintenance in a file (--url-file, ${VARIABLE}_FILE) or as ${VARIABLE}.`;

const set = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const maintenanceUrl = async (io: Io, { urlFile }: MigrateOptions): Promise<string> => {
  const file = urlFile ?? set(io.env[`${VARIABLE}_FILE`]);
  const given = file === undefined ? set(io.env[VARIABLE]) : await readText(io, file);
  if (given === undefined) throw usageError('The address of the database is missing.', REMEDY);
  const parsed = parseDatabaseAddress(given.trim());
  if (!parsed.ok) throw usageError(`The address of the database ${parsed.error}.`, REMEDY);
  return given.trim();
};

const migrate = async (io: Io, options: MigrateOptions): Promise<void> => {
  const url = await maintenanceUrl(io, options);
  // Loaded only here: most commands need no database.
  const { migrateDatabase } = await import('../../runtimes/node/boot/database-setup.ts');
  try {
    const { database, applied } = await migrateDatabase(url, set(io.env['MOSAIC_DATABASE_CA_PATH']) ?? null);
    print(io, options, { database, applied }, () =>
      applied.length === 0
        ? `${safe(database)} has the schema of this version.\n`
        : `${safe(database)} was brought up to date:\n${applied.map((name) => `  ${safe(name)}\n`).join('')}`,
    );
  } catch (error) {
    if (!(error instanceof MosaicError)) throw error;
    const exit = error.code === 'database_unavailable' ? EXIT.unreachable : EXIT.failure;
    throw new CliError(exit, { code: error.code, title: error.message }, error);
  }
};

/** Letters, digits and `_`, so that nothing has to be quoted wherever an operator names it. */
const loginName = (option: string, name: string): string => {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(name)) return name;
  throw usageError(`${option} is not a name for a login.`, 'Use a to z, 0 to 9 and _, at most 63 of them.');
};

const setup = async (io: Io, options: SetupOptions): Promise<void> => {
  const names = {
    peers: loginName('--peers', options.peers),
    api: loginName('--api', options.api),
    maintenance: loginName('--maintenance', options.maintenance),
  };
  if (new Set(Object.values(names)).size < 3) throw usageError('The three logins need names of their own.');
  const { setupSql } = await import('../../runtimes/node/boot/database-setup.ts');
  const sql = setupSql(names);
  print(io, options, { ...names, sql }, () => sql);
};

export const addDatabase = (program: Command, io: Io): void => {
  const database = group(program, 'database', 'The Postgres of a gateway: its logins and its schema.', [
    'mosaic database setup-sql | psql --set ON_ERROR_STOP=1 "<URL of a superuser>"',
  ]);
  leaf(
    database,
    'setup-sql',
    'Print what a superuser runs once in the database: the three logins and what each may do. It sets no password, and can be run again.',
    [
      'mosaic database setup-sql | psql --set ON_ERROR_STOP=1 "<URL of a superuser>"',
      'mosaic database setup-sql --peers peers --api api --maintenance owner',
    ],
  )
    .option('--peers <login>', 'login that answers peers', 'mosaic_peers')
    .option('--api <login>', 'login of the public and admin API', 'mosaic_api')
    .option('--maintenance <login>', 'login that owns the database and migrates', 'mosaic')
    .action((options: SetupOptions) => setup(io, options));
  leaf(
    database,
    'migrate',
    'Bring the schema up to date with the login for maintenance, so that no gateway has to hold it.',
    [
      'mosaic database migrate --url-file /etc/mosaic/secrets/database-maintenance-url',
      `${VARIABLE}_FILE=secrets/database-maintenance-url mosaic database migrate --json`,
    ],
  )
    .option('--url-file <file>', `file that holds the address (or set ${VARIABLE} or ${VARIABLE}_FILE)`)
    .action((options: MigrateOptions) => migrate(io, options));
};
