import { openMigratedPglite } from './connect/pglite.ts';

/**
 * A data directory with the current schema and no data, as gzipped tar: what a build ships so that a first start
 * skips initdb and migrations. It holds no secret: keys are made at the first start.
 */
export const buildTemplate = async (): Promise<Uint8Array> => {
  const client = await openMigratedPglite({});
  try {
    // Space of what the migrations left behind, and statistics for the planner.
    await client.exec('vacuum analyze');
    await client.exec('checkpoint');
    return new Uint8Array(await (await client.dumpDataDir('gzip')).arrayBuffer());
  } finally {
    await client.close();
  }
};
