import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openMaintenance } from '../../../db/connect/maintenance.ts';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { unfoldedBy } from '../../../db/testing/search-fold.testkit.ts';
import { ADDRESS_FILES } from '../../../src/runtimes/node/boot/database-address.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { startPostgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';

it(
  'F-59 Postgres and TypeScript fold every letter and digit of Unicode alike',
  { timeout: 120_000 },
  async () => {
    ensureInstalled();
    const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-fold-'));
    // Postgres runs as its own user where this is root.
    chmodSync(folder, 0o755);
    const login = { database: 'mosaic', user: 'mosaic', password: 'of-a-test' };
    const database = await startPostgres({
      folder: path.join(folder, 'postgres'),
      port: await freePort(),
      ...login,
    });
    try {
      const { url, peersUrl, maintenanceUrl } = database;
      const storage = await openPostgresStorage({ url, peersUrl, maintenanceUrl });
      await storage.close();
      const driver = openMaintenance(maintenanceUrl, 'mosaic-fold', ADDRESS_FILES);
      const ask = async (sql: string, text: string): Promise<string> =>
        (await driver.query<{ folded: string }>(sql, [text]))[0]?.folded ?? '';
      expect((await unfoldedBy(ask)).join('\n')).toBe('');
      await driver.close();
    } finally {
      await stop(database, 'SIGINT');
      rmSync(folder, { recursive: true });
    }
  },
);
