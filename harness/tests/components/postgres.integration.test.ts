import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { clusterTemplate } from '../../devstack/components/postgres.ts';

it('two clusters that are started side by side on a new machine share one template', async () => {
  const cache = mkdtempSync(path.join(tmpdir(), 'mosaic-cache-'));
  try {
    const [one, other] = await Promise.all([
      clusterTemplate(undefined, cache),
      clusterTemplate(undefined, cache),
    ]);
    expect(one).toBe(other);
    expect(existsSync(path.join(one, 'PG_VERSION'))).toBe(true);
    expect(readdirSync(cache)).toEqual([path.basename(one)]);
  } finally {
    rmSync(cache, { recursive: true });
  }
});
