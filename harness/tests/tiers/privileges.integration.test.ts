import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { ROOT } from '../../tools/checks/repository.ts';
import { urlsOf, type DatabaseUrls } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';
import { openSession } from './login-session.ts';
import { matrixOf, privilegesOf, VERBS, type Privileges, type Verb } from './privileges.ts';

const ROLES = [
  ['peersUrl', 'mosaic_peer_reader'],
  ['url', 'mosaic_app'],
  ['url', 'mosaic_admin'],
] as const;

const DENIED = '42501';

/** Privileges are looked at when a statement starts; what is explained starts and does nothing. */
const statementFor = (verb: Verb, table: string, column: string): string =>
  `explain ${
    {
      select: `select "${column}" from ${table}`,
      insert: `insert into ${table} ("${column}") values (default)`,
      update: `update ${table} set "${column}" = default`,
      delete: `delete from ${table}`,
    }[verb]
  }`;

/** Cells are padded by the formatter. */
const squeezed = (line: string): string => line.replaceAll(/ {2,}/g, ' ').trim();

describe('F-13 what each login may do with each table', () => {
  let cluster: Cluster;
  let urls: DatabaseUrls;
  const privileges = new Map<string, readonly Privileges[]>();

  beforeAll(async () => {
    cluster = await startCluster();
    urls = urlsOf(await cluster.create());
    await (await openPostgresStorage(urls)).close();
    for (const [, role] of ROLES) privileges.set(role, await privilegesOf(cluster, urls.url, role));
  }, 60_000);
  afterAll(() => cluster.close());

  it('is what docs/reference/database-roles.md says', () => {
    const documented = readFileSync(path.join(ROOT, 'docs/reference/database-roles.md'), 'utf8')
      .split('\n')
      .filter((line) => /^\| `\w+` +\|/.test(line))
      .map(squeezed);
    const actual = matrixOf(ROLES.map(([, role]) => privileges.get(role) ?? []));
    expect(documented.filter((line) => line.split('|').length === 6)).toEqual(actual);
  });

  it.each(ROLES)('statements on every column find the same: %s as %s', async (login, role) => {
    const session = openSession(urls[login], role);
    const wrong: string[] = [];
    try {
      for (const { table, columns, may } of privileges.get(role) ?? [])
        for (const verb of VERBS)
          for (const column of verb === 'delete' ? columns.slice(0, 1) : columns) {
            const outcome = await session.run(statementFor(verb, table, column));
            const isDenied = 'refused' in outcome && outcome.refused === DENIED;
            if (isDenied === may[verb].includes(column)) wrong.push(`${verb} ${table}.${column}`);
          }
    } finally {
      await session.end();
    }
    expect(wrong).toEqual([]);
  });

  it('each login is without a role of its own no more than with one', async () => {
    for (const login of ['url', 'peersUrl'] as const) {
      const session = openSession(urls[login]);
      for (const { table } of privileges.get('mosaic_app') ?? [])
        expect([table, await session.run(`select from ${table} limit 0`)]).toEqual([
          table,
          { refused: DENIED },
        ]);
      await session.end();
    }
  });
});
