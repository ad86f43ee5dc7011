import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { expect, it } from 'vitest';
import { pgliteDriver } from '../driver/pglite.ts';
import { migrate } from '../migrate.ts';
import { MIGRATIONS } from './index.ts';

const NAME = '0025_one_peer_a_grant';
const GRANT = 'aaaaaaaa-0000-4000-8000-000000000001';
const OTHER = 'aaaaaaaa-0000-4000-8000-000000000002';

it('F-7 the migration leaves a grant that several peers claim with the authority that had it first', async () => {
  const client = await PGlite.create({ extensions: { vector } });
  const driver = pgliteDriver(client);
  await migrate(
    driver,
    MIGRATIONS.filter(({ name }) => name < NAME),
  );
  await client.exec(`insert into users (id, name, is_admin, created_at)
    values ('${GRANT}', 'ann', false, now()), ('${OTHER}', 'bob', false, now())`);
  const peer = async (name: string, day: number, authority: string, state: string, of = GRANT) =>
    client.query(
      `insert into federation_peers (id, direction, name, state, created_at, local_user_id, remote_grant_id, ca_fingerprint)
       values (gen_random_uuid(), 'outbound', $1, $2::peer_state, '2026-01-01'::timestamptz + $3 * interval '1 day', $4, $5, $6)`,
      [name, state, day, of, GRANT, authority],
    );
  await peer('a-hijacker', 5, 'evil', 'active');
  await peer('first', 1, 'work', 'degraded');
  await peer('newest of the same', 3, 'work', 'active');
  await peer('revoked of the same', 4, 'work', 'revoked');
  await peer('another hijacker', 2, 'evil', 'active');
  await peer('of somebody else', 6, 'evil', 'active', OTHER);
  await migrate(driver);
  const { rows } = await client.query(
    `select name, state, remote_grant_id is not null as holds, last_failure_code as code from federation_peers order by name`,
  );
  const lost = { state: 'revoked', holds: false, code: 'grant_claimed' };
  const kept = { state: 'active', holds: true, code: null };
  expect(rows).toEqual([
    { name: 'a-hijacker', ...lost },
    { name: 'another hijacker', ...lost },
    { name: 'first', ...lost },
    { name: 'newest of the same', ...kept },
    { name: 'of somebody else', ...kept },
    { name: 'revoked of the same', ...lost },
  ]);
  await expect(
    client.query(`update federation_peers set remote_grant_id = $1 where name = 'a-hijacker'`, [GRANT]),
  ).rejects.toMatchObject({ code: '23505' });
  await client.close();
}, 60_000);
