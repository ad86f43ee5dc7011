import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openPgliteStorage } from './connect/pglite.ts';
import { buildTemplate } from './template.ts';
import { aUser } from './testing/world.testkit.ts';

it('a data folder starts from the template, keeps its data, and is not overwritten by it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mosaic-db-'));
  try {
    const template = await buildTemplate();
    const first = await openPgliteStorage({ dataDir: join(folder, 'pg'), template });
    const id = await aUser(first);
    await first.close();
    for (const options of [{ template }, { template, exists: true }, {}]) {
      const again = await openPgliteStorage({ dataDir: join(folder, 'pg'), ...options });
      expect((await again.stores.users.byId(id))?.id).toBe(id);
      expect((await again.client.query('select current_user::text as name')).rows).toEqual([
        { name: 'mosaic_app' },
      ]);
      await again.close();
    }
    const memory = await openPgliteStorage({ template });
    expect((await memory.stores.users.list({ limit: 5, after: null })).items).toEqual([]);
    await memory.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
