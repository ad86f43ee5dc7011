import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { programs } from '../../devstack/components/installed.ts';
import { launch, type Component } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import type { Postgres } from '../../devstack/components/postgres.ts';

const run = promisify(execFile);

const account = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

export interface Standby extends Component {
  readonly port: number;
  /** The same database and login as the primary's, at this server. */
  readonly url: string;
  promote(): Promise<void>;
}

/** A hot standby of a test's cluster, made by pg_basebackup and following it. */
export const startStandby = async (
  primary: Postgres,
  primaryFolder: string,
  folder: string,
): Promise<Standby> => {
  const as = account();
  const port = await freePort();
  const primaryPort = new URL(primary.url).port;
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o711);
  if (as.uid !== undefined && as.gid !== undefined) execFileSync('chown', [`${as.uid}:${as.gid}`, folder]);
  const data = path.join(folder, 'data');
  const bin = (name: string): string => path.join(programs.postgresBin, name);
  await run(
    bin('pg_basebackup'),
    [
      '-h',
      primaryFolder,
      '-p',
      primaryPort,
      '-U',
      'postgres',
      '-D',
      data,
      '-R',
      '-X',
      'stream',
      '-c',
      'fast',
    ],
    as,
  );
  const settings = path.join(data, 'postgresql.auto.conf');
  writeFileSync(
    settings,
    `${readFileSync(settings, 'utf8')}\nport = ${port}\nunix_socket_directories = '${folder}'\n`,
  );
  const psql = (text: string) =>
    run(
      bin('psql'),
      ['-h', folder, '-p', String(port), '-U', 'postgres', '-d', 'postgres', '-qAtc', text],
      as,
    );
  const component = await launch({
    name: 'standby',
    command: bin('postgres'),
    args: ['-D', data],
    folder,
    ...as,
    ready: async () => (await psql('select 1')).stdout.trim() === '1',
  });
  return {
    ...component,
    port,
    url: primary.url.replace(`:${primaryPort}/`, `:${port}/`),
    promote: async () => void (await psql('select pg_promote(true, 30)')),
  };
};
