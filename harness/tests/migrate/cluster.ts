import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { loginsOf, startPostgres, type Postgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';

/** A Postgres of a test, with as many databases as it wants. */
export interface Cluster {
  /** Folder for whatever else the test needs. */
  readonly folder: string;
  /** A new empty database. @returns the URL of the login that owns it; `urlsOf` tells the others */
  create(): Promise<string>;
  /** Statements of the superuser in a database. */
  underneath<Row>(url: string, text: string): Promise<Row[]>;
  close(): Promise<void>;
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

const USER = 'mosaic';

export const startCluster = async (): Promise<Cluster> => {
  ensureInstalled();
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-migrate-'));
  // Under root the server runs as the package's user, who must be able to pass through.
  chmodSync(folder, 0o711);
  const port = await freePort();
  const server: Postgres = await startPostgres({
    folder: path.join(folder, 'postgres'),
    port,
    database: 'base',
    user: USER,
    password: 'canary-password',
  });
  const superuser = (database: string) =>
    postgres({
      path: path.join(folder, 'postgres', `.s.PGSQL.${port}`),
      username: 'postgres',
      database,
      max: 1,
      connection: { timezone: 'UTC' },
      onnotice: () => undefined,
    } as postgres.Options<Record<string, never>>);
  const admin = superuser('postgres');
  let made = 0;
  return {
    folder,
    create: async () => {
      made += 1;
      await admin.unsafe(`create database d${made} template base owner ${loginsOf(USER).maintenance}`);
      const url = new URL(server.maintenanceUrl);
      url.pathname = `/d${made}`;
      return url.href;
    },
    underneath: async <Row>(url: string, text: string) => {
      const client = superuser(nameOf(url));
      try {
        return Array.from(await client.unsafe<(Row & postgres.Row)[]>(text));
      } finally {
        await client.end();
      }
    },
    close: async () => {
      await admin.end();
      await stop(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
