import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { api, create, startProcess, type LocalProcess } from '../../devstack/gateways.ts';

/** What is left of the work gateway's rows in the memory of the home gateway, by heap snapshots of its process. */
const ROW = 'canary-of-a-row-';
const WORD = 'canaryofasearchword';
/** Seconds that the peer lets its answers be kept. */
const TTL_SECONDS = 3;
const LONG_SECONDS = 300;
const WAIT = { timeout: 60_000, interval: 500 };

let folder: string;
let home: LocalProcess;
let work: LocalProcess;
let ann: ReturnType<typeof api>;

const person = async (gateway: LocalProcess, name: string): Promise<ReturnType<typeof api>> => {
  const admin = api(gateway, gateway.adminToken);
  const user = await create(admin, '/api/admin/users', { name });
  return api(gateway, (await create(admin, '/api/admin/tokens', { user_id: user.id, name: 'test' })).text);
};

/** @returns the grant's id, and how home calls the peer */
const enrolled = async (peer: string, ttlSeconds: number): Promise<{ readonly grantId: string }> => {
  const { grant, enrollment } = await create(api(work, work.adminToken), '/api/admin/grants', {
    user: 'alice',
    peer: `home-${peer}`,
    scope: { resources: ['tasks'], max_rows_per_query: 100 },
    cache_ttl_seconds: ttlSeconds,
  });
  await create(api(home, home.adminToken), '/api/admin/peers', {
    enrollment_url: enrollment.url,
    user: 'ann',
    name: peer,
  });
  return { grantId: grant.id };
};

const snapshots = async (): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.heapsnapshot'));

/** How often the text stands in what is alive in the home gateway. */
const alive = async (text: string): Promise<number> => {
  process.kill(home.pid, 'SIGUSR2');
  let heap = '';
  await expect
    .poll(async () => {
      const [name] = await snapshots();
      heap = name === undefined ? '' : await readFile(path.join(folder, name), 'latin1');
      return heap.trimEnd().endsWith('}');
    }, WAIT)
    .toBe(true);
  for (const name of await snapshots()) await rm(path.join(folder, name));
  return heap.split(text).length - 1;
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'mosaic-heap-'));
  const environment = {
    NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}`,
    FEDERATION_CACHE_TTL_SECONDS: String(LONG_SECONDS),
  };
  [home, work] = [await startProcess('home', environment), await startProcess('work')];
  const alice = await person(work, 'alice');
  for (const n of [1, 2, 3]) await create(alice, '/api/resources/tasks', { title: `${ROW}${n} ${WORD}` });
  ann = await person(home, 'ann');
}, 120_000);
afterAll(async () => {
  await Promise.all([home?.stop(), work?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

it('F-70 no row of work is in the memory of home when its time is over, although nobody asks any more', async () => {
  await enrolled('short', TTL_SECONDS);
  const { status, headers, body } = await ann('/api/query/tasks?source=federated:short');
  expect({ status, cache: headers.get('cache-status') }).toEqual({
    status: 200,
    cache: '"federated:short"; fwd=miss; stored',
  });
  expect(body.items).toHaveLength(3);
  await expect.poll(() => alive(ROW), WAIT).toBe(0);
}, 180_000);

it('F-70 the rows of a peer are let go of when it says that the grant is revoked, long before their time is over', async () => {
  const { grantId } = await enrolled('long', LONG_SECONDS);
  const list = '/api/query/tasks?source=federated:long';
  expect((await ann(list)).body.items).toHaveLength(3);
  // It is found where it is kept: the other two cases would see it.
  expect(await alive(ROW)).toBeGreaterThan(0);
  const revoked = await api(work, work.adminToken)(`/api/admin/grants/${grantId}/revoke`, { body: {} });
  expect(revoked.status).toBe(200);
  await ann(list, { headers: { 'cache-control': 'no-cache' } });
  await expect.poll(() => alive(ROW), WAIT).toBe(0);
}, 180_000);

it('F-71 no word of a search stays in the memory of home', async () => {
  await enrolled('searched', 0);
  const found = await ann(`/api/query/search?q=${WORD}&source=federated:searched`);
  expect(found.status).toBe(200);
  expect(found.body.items).toHaveLength(3);
  await expect.poll(() => alive(WORD), WAIT).toBe(0);
}, 180_000);
