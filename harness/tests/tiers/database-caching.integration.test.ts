import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { databaseCodeOf } from '../../../domain/database/state.ts';
import { openCachingProxy, type CachingProxy } from '../../devstack/components/caching-proxy.ts';
import { startPostgres } from '../../devstack/components/postgres.ts';
import { stop, type Component } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';

describe('F-77 a cache between a gateway and its Postgres', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-caching-'));
  const components: Component[] = [];
  let proxy: CachingProxy;
  let urls: { readonly url: string; readonly peersUrl: string; readonly maintenanceUrl: string };

  const by = (address: string): string => Object.assign(new URL(address), { port: proxy.port }).href;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    urls = await startPostgres({
      database: 'mosaic',
      user: 'mosaic',
      password: 'caching',
      folder: path.join(folder, 'postgres'),
      port: await freePort(),
      onSpawn: (component) => void components.push(component),
    });
    proxy = await openCachingProxy(Number(new URL(urls.url).port));
    await (await openPostgresStorage(urls)).close();
  }, 60_000);
  afterAll(async () => {
    await proxy?.close();
    await Promise.all(components.map((one) => stop(one, 'SIGINT')));
    rmSync(folder, { recursive: true, force: true });
  });

  it('the proxy does what it is for: a row stays as it was', async () => {
    const [direct, through] = [urls.maintenanceUrl, by(urls.maintenanceUrl)].map((url) =>
      postgres(url, { max: 1, onnotice: () => undefined }),
    ) as [postgres.Sql, postgres.Sql];
    try {
      await direct`create table public.caching_trial as select 1 as value`;
      const seen = async (): Promise<unknown> => {
        const [row] = await through`select value from public.caching_trial`;
        return row?.['value'];
      };
      expect(await seen()).toBe(1);
      await direct`update public.caching_trial set value = 2`;
      expect(await seen()).toBe(1);
      expect(proxy.hits()).toBe(1);
      await direct`drop table public.caching_trial`;
    } finally {
      await Promise.all([direct.end(), through.end()]);
    }
  });

  it.each(['people', 'peers'] as const)(
    'is refused on the way of %s, with the cure in the cause',
    async (who) => {
      const { url, peersUrl } = urls;
      const opening = openPostgresStorage(
        who === 'people' ? { url: by(url), peersUrl } : { url, peersUrl: by(peersUrl) },
      );
      await expect(opening).rejects.toSatisfy((error) => databaseCodeOf(error) === 'CACHED');
      await expect(opening).rejects.toMatchObject({
        code: 'database_unavailable',
        cause: { message: expect.stringContaining('--caching-disabled') as unknown },
      });
    },
  );

  it('without one the same database is served from, again and again', async () => {
    for (let count = 0; count < 3; count += 1) {
      const storage = await openPostgresStorage({ url: urls.url, peersUrl: urls.peersUrl });
      expect(storage.state().condition).toBe('ok');
      await storage.close();
    }
  });
});
