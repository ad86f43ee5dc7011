import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryStorage } from '../testing/database.testkit.ts';
import { openPostgresStorage } from './postgres.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A database whose sessions have that role whatever a client asks for at the start: a pooler's are like that. */
const served = async (role: string): Promise<string> => {
  const embedded = await memoryStorage();
  await embedded.client.exec(`set role ${role}`);
  const server = new PGLiteSocketServer({ db: embedded.client, port: 0, host: '127.0.0.1' });
  await server.start();
  closers.push(
    () => embedded.close(),
    () => server.stop(),
  );
  const { port } = new URL(`postgres://${server.getServerConn()}`);
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
};

describe('openPostgresStorage', () => {
  it('F-13 refuses a login that is a superuser, whatever role its sessions have, with the cure', async () => {
    const opening = openPostgresStorage({ url: await served('mosaic_app'), isShortLived: true });
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      detail: expect.stringMatching(/is a superuser\. Run “mosaic database setup-sql”/) as unknown,
    });
  });

  it.each(['none', 'mosaic_admin'])(
    'refuses sessions that row-level security would not bind (role %s)',
    async (role) => {
      const opening = openPostgresStorage({
        url: await served(role),
        isShortLived: true,
      });
      await expect(opening).rejects.toMatchObject({
        code: 'database_unavailable',
        cause: { code: 'WRONG_ROLE', message: expect.stringContaining('mosaic_app') as unknown },
      });
    },
  );
});
