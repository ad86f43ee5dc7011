import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadyGateway } from '../demo/launch.ts';
import {
  ask as askAt,
  errorOf,
  makeProcesses,
  runCli,
  tokenFile,
  words,
  type Doc,
  type Finished,
  type Processes,
} from './process.testkit.ts';

/** Grants, peers and questions by the command line, between two real gateways. Cases build on each other, in order. */
let processes: Processes;
let work: ReadyGateway;
let home: ReadyGateway;

const ask = (gateway: ReadyGateway, who: string, args: readonly string[], stdin = ''): Promise<Doc> =>
  askAt(processes, gateway, who, args, stdin);
const run = (gateway: ReadyGateway, who: string, args: readonly string[], stdin = ''): Promise<Finished> => {
  const as = words`--url ${gateway.publicUrl} --token-file ${tokenFile(processes, gateway, who)}`;
  return runCli([...args, ...as], { stdin });
};

/** Alice at a gateway, with a token and tasks. */
const settle = async (gateway: ReadyGateway, titles: readonly string[]): Promise<void> => {
  const saved = (who: string): string => tokenFile(processes, gateway, who);
  await runCli(words`bootstrap admin --url ${gateway.publicUrl} --save-token ${saved('admin')}`);
  await ask(gateway, 'admin', words`user create alice`);
  await ask(gateway, 'admin', words`token create --user alice --name pc --save-token ${saved('alice')}`);
  for (const title of titles) {
    await ask(gateway, 'alice', words`resource add tasks --field ${`title=${title}`}`);
  }
};

beforeAll(async () => {
  processes = await makeProcesses();
  [work, home] = await Promise.all([processes.launch('work'), processes.launch('home')]);
  await Promise.all([settle(work, ['Draft it', 'Second']), settle(home, ['Water the tomatoes'])]);
});
afterAll(() => processes.close());

const SCOPE = { resources: ['tasks'], max_rows_per_query: 100 };
let grantId = '';

describe('granting and enrolling', () => {
  it('M2-1 M2-6 creates a grant, enrolls with its URL, and shows both sides', async () => {
    const scope = join(processes.folder, 'scope.json');
    await writeFile(scope, JSON.stringify(SCOPE));
    const create = words`federation grant create --user alice --peer home --scope ${scope} --expires 1d`;
    const made = await ask(work, 'admin', create);
    expect(made.grant).toMatchObject({ status: 'pending', scope: SCOPE });
    grantId = made.grant.id;

    const again = await ask(work, 'admin', words`federation grant enroll ${grantId}`);
    const add = words`federation peer add ${again.enrollment.url} --user alice`;
    const peer = await ask(home, 'admin', [...add, '--name', 'work']);
    expect(peer).toMatchObject({ state: 'active', direction: 'outbound', name: 'work' });
    expect(JSON.stringify(peer)).not.toContain('PRIVATE KEY');
    expect((await ask(work, 'admin', words`federation grant show ${grantId}`)).status).toBe('active');
    expect((await ask(home, 'admin', words`federation peer show work`)).state).toBe('active');
    const inbound = await ask(work, 'admin', words`federation peer list --direction inbound`);
    expect(inbound.items.map(({ name, state }) => `${name} ${state}`)).toEqual(['home active']);

    const used = await run(home, 'admin', [...add, '--name', 'twice']);
    expect(used).toMatchObject({ code: 1, out: '' });
    expect(used.err).toContain('used already');
  });

  it('M2-8 shows the same as tables', async () => {
    const grants = await run(work, 'admin', words`federation grant list`);
    expect(grants.out).toMatch(
      new RegExp(`^${grantId} +home +[0-9a-f-]{36} +active +tasks \\(personal\\)`, 'm'),
    );
    const peers = await run(home, 'admin', words`federation peer list`);
    expect(peers.out).toMatch(/ work +outbound +active /);
  });

  it('M2-7 refuses scopes with the paths of what is wrong', async () => {
    const create = words`federation grant create --user alice --peer x --scope -`;
    const unknown = await run(work, 'admin', create, '{"resources": ["passwords"], "max_rows_per_query": 5}');
    expect(unknown).toMatchObject({ code: 1, out: '' });
    expect(unknown.err).toContain('resources[0]: unknown resource');
    const scope = '{"resources": ["credentials"], "max_rows_per_query": 5}';
    const sensitive = await run(work, 'admin', [...create, '--json'], scope);
    expect(errorOf(sensitive).code).toBe('sensitive_not_approved');
  });
});

describe('asking', () => {
  it('M3-8 asks both gateways at once', async () => {
    const { items, sources } = await ask(home, 'alice', words`query tasks --source all`);
    expect(items.map(({ title, _source }) => `${_source} ${title}`).toSorted()).toEqual([
      'federated:work Draft it',
      'federated:work Second',
      'local Water the tomatoes',
    ]);
    expect(Object.keys(sources).toSorted()).toEqual(['federated:work', 'local']);
    const second = items.find(({ title }) => title === 'Second');
    const found = await ask(home, 'alice', words`query tasks --id ${second?.id ?? ''}`);
    expect(found.items.map(({ title }) => title)).toEqual(['Second']);
  });

  it('M3-7 goes on by cursor, every row once', async () => {
    const first = await ask(home, 'alice', words`query tasks --source federated:work --limit 1`);
    const more = words`query tasks --source federated:work --cursor ${first.next_cursor ?? ''}`;
    const rest = await ask(home, 'alice', more);
    expect([...first.items, ...rest.items].map(({ title }) => title)).toEqual(['Second', 'Draft it']);
  });

  it('what the scope does not grant ends with 1 and the peer’s reason', async () => {
    const refused = await run(home, 'alice', words`query notes --source federated:work --json`);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('resource_not_granted');
  });
});

describe('changing and ending', () => {
  it('edits a grant', async () => {
    const edit = words`federation grant edit ${grantId} --rate-limit 99 --expires never`;
    expect(await ask(work, 'admin', edit)).toMatchObject({ rate_limit_per_minute: 99, expires_at: null });
  });

  it('revokes a grant, and the audit log has it all', async () => {
    const revoke = words`federation grant revoke ${grantId} --reason over`;
    expect(await ask(work, 'admin', revoke)).toMatchObject({ status: 'revoked', revoked_reason: 'over' });
    const list = words`federation grant list --status revoked --user alice --peer home`;
    expect((await ask(work, 'admin', list)).items.map(({ id, status }) => `${id} ${status}`)).toEqual([
      `${grantId} revoked`,
    ]);
    const audit = async (): Promise<readonly string[]> => {
      const { items } = await ask(work, 'admin', words`federation audit --grant ${grantId} --all`);
      return items.map(({ verb, outcome }) => `${verb} ${outcome}`);
    };
    const expected = ['list allowed', 'list denied', 'enroll allowed', 'revoke allowed'];
    await expect.poll(audit, { timeout: 10_000 }).toEqual(expect.arrayContaining(expected));
    const denied = await ask(work, 'admin', words`federation audit --outcome denied --peer home`);
    expect(new Set(denied.items.map(({ outcome }) => outcome))).toEqual(new Set(['denied']));
  });

  it('removes a peer', async () => {
    await ask(home, 'admin', words`federation peer remove work`);
    expect((await ask(home, 'admin', words`federation peer list`)).items).toEqual([]);
  });
});
