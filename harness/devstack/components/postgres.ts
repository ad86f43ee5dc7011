import { execFile, execFileSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { setupSql, type LoginNames } from '../../../db/logins.ts';
import { cacheFolder, programs, versions } from './installed.ts';
import { launch, type Component, type OnSpawn } from './process.ts';

const run = promisify(execFile);

export interface PostgresOptions {
  readonly folder: string;
  readonly port: number;
  readonly database: string;
  /** Login of the public and admin API; those of peers and of maintenance, who owns the database, are called after it. */
  readonly user: string;
  /** Of all three. */
  readonly password: string;
  /** Name of the process and its log; `postgres` by default. */
  readonly name?: string;
  readonly onSpawn?: OnSpawn;
}

/** Postgres refuses to run as root, so there it runs as the package's own user. */
const account = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

const bin = (name: string): string => path.join(programs.postgresBin, name);

const own = (folder: string, { uid, gid }: ReturnType<typeof account>): void => {
  if (uid !== undefined && gid !== undefined) execFileSync('chown', ['-R', `${uid}:${gid}`, folder]);
};

const makeTemplate = async (as: ReturnType<typeof account>, folder: string): Promise<string> => {
  const making = `${folder}.${process.pid}`;
  // The package's user must be able to pass through the cache's parents, so the cluster is made elsewhere and moved.
  const place = mkdtempSync('/tmp/mosaic-initdb-');
  own(place, as);
  await run(
    bin('initdb'),
    [
      '-D',
      `${place}/data`,
      '-U',
      'postgres',
      '--auth-local=trust',
      '--auth-host=scram-sha-256',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    ],
    as,
  );
  mkdirSync(path.dirname(folder), { recursive: true });
  cpSync(`${place}/data`, making, { recursive: true });
  rmSync(place, { recursive: true });
  try {
    renameSync(making, folder);
  } catch {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
};

const templates = new Map<string, Promise<string>>();

/**
 * An initialised cluster is made once and copied afterwards: initdb costs a second and more. Once also where two clusters of a stack
 * are started side by side on a machine that has none yet.
 *
 * @param cache folder that it is kept in
 */
export const clusterTemplate = async (
  as: { readonly uid?: number; readonly gid?: number } = account(),
  cache = cacheFolder,
): Promise<string> => {
  const folder = path.join(cache, `postgres-${versions['POSTGRES_MAJOR']}-template`);
  if (existsSync(path.join(folder, 'PG_VERSION'))) return folder;
  const making = templates.get(folder) ?? makeTemplate(as, folder).finally(() => templates.delete(folder));
  templates.set(folder, making);
  return making;
};

const psql = (
  folder: string,
  port: number,
  sql: string,
  as: ReturnType<typeof account>,
  database = 'postgres',
) =>
  run(
    bin('psql'),
    [
      '-h',
      folder,
      '-p',
      String(port),
      '-U',
      'postgres',
      '-d',
      database,
      '-v',
      'ON_ERROR_STOP=1',
      '-qAtc',
      sql,
    ],
    as,
  );

/** How a gateway reaches one database, by login. */
export interface DatabaseUrls {
  /** Public and admin API. */
  readonly url: string;
  readonly peersUrl: string;
  readonly maintenanceUrl: string;
}

export const loginsOf = (user: string): LoginNames => ({
  api: user,
  peers: `${user}_peers`,
  maintenance: `${user}_maintenance`,
});

/** The three URLs of a database, of the URL of any of its logins. */
export const urlsOf = (url: string): DatabaseUrls => {
  const user = new URL(url).username.replace(/_(peers|maintenance)$/, '');
  const as = (name: string): string => {
    const other = new URL(url);
    other.username = name;
    return other.href;
  };
  const { api, peers, maintenance } = loginsOf(user);
  return { url: as(api), peersUrl: as(peers), maintenanceUrl: as(maintenance) };
};

export interface Postgres extends Component, DatabaseUrls {
  /** Superuser, over the unix socket: for looking underneath. */
  readonly adminUrl: string;
}

/**
 * A Postgres cluster of its own, on its own port and folder, with the vector extension made available to a plain owner.
 * Nothing is forced to disk: what it holds survives a crash of the server, as tests of outages need, and not of the machine.
 */
export const startPostgres = async (options: PostgresOptions): Promise<Postgres> => {
  const as = account();
  const data = path.join(options.folder, 'data');
  mkdirSync(options.folder, { recursive: true });
  const fresh = !existsSync(data);
  if (fresh) {
    cpSync(await clusterTemplate(as), data, { recursive: true });
    writeFileSync(
      path.join(data, 'postgresql.auto.conf'),
      [
        `port = ${options.port}`,
        `unix_socket_directories = '${options.folder}'`,
        `listen_addresses = '127.0.0.1'`,
        'max_connections = 200',
        'shared_buffers = 128MB',
        'fsync = off',
        'full_page_writes = off',
        '',
      ].join('\n'),
    );
  }
  if (as.uid !== undefined && as.gid !== undefined) {
    chownSync(options.folder, as.uid, as.gid);
    own(options.folder, as);
    execFileSync('chmod', ['700', data]);
  }
  const component = await launch({
    name: options.name ?? 'postgres',
    command: bin('postgres'),
    args: ['-D', data],
    folder: options.folder,
    ...as,
    onSpawn: options.onSpawn,
    ready: async () => (await psql(options.folder, options.port, 'select 1', as)).stdout.trim() === '1',
  });
  if (fresh) {
    const names = loginsOf(options.user);
    await psql(options.folder, options.port, `create database ${options.database}`, as);
    await psql(options.folder, options.port, setupSql(names), as, options.database);
    const passwords = Object.values(names).map(
      (name) => `alter role ${name} password '${options.password}';`,
    );
    await psql(options.folder, options.port, passwords.join('\n'), as);
  }
  return {
    ...component,
    ...urlsOf(`postgres://${options.user}:${options.password}@127.0.0.1:${options.port}/${options.database}`),
    adminUrl: `postgres://postgres@localhost:${options.port}/${options.database}?host=${encodeURIComponent(options.folder)}`,
  };
};
