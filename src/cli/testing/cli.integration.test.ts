import { readFile, stat } from 'node:fs/promises';
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

/** The command line as a process, against a real gateway as a process. Cases build on each other, in order. */
let processes: Processes;
let gateway: ReadyGateway;

beforeAll(async () => {
  processes = await makeProcesses();
  gateway = await processes.launch('work');
});
afterAll(() => processes.close());

const file = (name: string): string => join(processes.folder, name);
const saved = (who: string): string => tokenFile(processes, gateway, who);
const ask = (who: string, args: readonly string[], stdin = ''): Promise<Doc> =>
  askAt(processes, gateway, who, args, stdin);
const fail = (args: readonly string[], who = 'admin'): Promise<Finished> =>
  runCli([...args, ...words`--json --url ${gateway.publicUrl} --token-file ${saved(who)}`]);
const at = (): readonly string[] => ['--url', gateway.publicUrl];

describe('bootstrap', () => {
  it('X-48 saves the first token to a file only its owner can read, and prints it nowhere', async () => {
    const { code, out, err } = await runCli(words`bootstrap admin ${at()} --save-token ${saved('admin')}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const token = (await readFile(saved('admin'), 'utf8')).trim();
    expect(token).toMatch(/^mos_[A-Za-z0-9_-]{43}$/);
    expect(out).not.toContain(token);
    expect((await stat(saved('admin'))).mode & 0o777).toBe(0o600);
  });

  it('is refused the second time, and leaves no file', async () => {
    const second = await runCli(words`bootstrap again ${at()} --json --save-token ${file('again')}`);
    expect(second).toMatchObject({ code: 1, out: '' });
    expect(errorOf(second)).toMatchObject({ code: 'already_bootstrapped', exit_code: 1 });
    await expect(stat(file('again'))).rejects.toThrow('ENOENT');
  });

  it('does not ask at all when the file exists', async () => {
    const third = await runCli(words`bootstrap x ${at()} --save-token ${saved('admin')}`);
    expect(third).toMatchObject({ code: 2, out: '' });
    expect((await ask('admin', words`user list`)).items).toHaveLength(1);
  });
});

describe('people, teams and tokens', () => {
  it('creates, lists and joins them', async () => {
    expect(await ask('admin', words`user create alice`)).toMatchObject({ name: 'alice', is_admin: false });
    expect(await ask('admin', words`user create bob --admin`)).toMatchObject({ is_admin: true });
    const users = await ask('admin', words`user list --limit 2`);
    expect(users.items.map(({ name }) => name)).toEqual(['bob', 'alice']);
    const rest = await ask('admin', words`user list --cursor ${users.next_cursor ?? ''}`);
    expect(rest.items.map(({ name }) => name)).toEqual(['admin']);

    const team = await ask('admin', words`team create platform`);
    await ask('admin', words`team add-member platform alice`);
    await ask('admin', words`team add-member ${team.id} bob --role admin`);
    expect((await ask('admin', words`team members platform`)).items).toHaveLength(2);
    await ask('admin', words`team remove-member platform bob`);
    expect((await ask('admin', words`team members platform`)).items).toHaveLength(1);
    expect((await ask('admin', words`team list`)).items.map(({ name }) => name)).toEqual(['platform']);
  });

  it('makes tokens and revokes them', async () => {
    const made = await ask(
      'admin',
      words`token create --user alice --name pc --save-token ${saved('alice')}`,
    );
    expect(made).not.toHaveProperty('text');
    const eyes = await ask(
      'admin',
      words`token create --user alice --name eyes --access read --expires-in-days 1`,
    );
    const env = { MOSAIC_TOKEN: eyes.text };
    expect((await ask('admin', words`token list --user alice`)).items).toHaveLength(2);
    const refused = await runCli(words`resource add tasks --field title=x --json ${at()}`, { env });
    expect(errorOf(refused)).toMatchObject({ code: 'read_only_token', exit_code: 4 });
    expect(await ask('admin', words`token revoke ${eyes.id}`)).toMatchObject({ revoked: true });
    const gone = await runCli(words`resource list tasks --json ${at()}`, { env });
    expect(gone).toMatchObject({ code: 4, out: '' });
    expect(errorOf(gone).code).toBe('unauthenticated');
    expect(gone.err).not.toContain(eyes.text);
  });

  it('no token at all: 4', async () => {
    const finished = await runCli(words`user list --json ${at()}`);
    expect({ code: finished.code, reason: errorOf(finished).code }).toEqual({
      code: 4,
      reason: 'unauthenticated',
    });
  });
});

describe('rows', () => {
  it('adds, lists, shows, edits and deletes them', async () => {
    const task = await ask('alice', words`resource add tasks --field title=Draft --field status=open`);
    await ask('alice', words`resource add tasks --json-file -`, '{"title": "Second"}');
    const edited = await ask(
      'alice',
      words`resource edit tasks ${task.id} --field ${'title=Draft it'} --clear body`,
    );
    expect(edited.title).toBe('Draft it');
    expect((await ask('alice', words`resource show tasks ${task.id}`)).title).toBe('Draft it');
    const third = await ask('alice', words`resource add tasks --field title=Gone`);
    expect(await ask('alice', words`resource delete tasks ${third.id}`)).toMatchObject({ deleted: true });
    const list = await ask('alice', words`resource list tasks --all`);
    expect(list.items.map(({ title }) => title)).toEqual(['Second', 'Draft it']);
  });

  it('X-48 takes a secret from a file or a pipe, and never shows it', async () => {
    const secret = words`resource add credentials --field title=VPN --secret-file -`;
    const made = await ask('alice', secret, 'canary-secret\n');
    const listed = await ask('alice', words`resource list credentials`);
    expect(JSON.stringify([made, listed])).not.toContain('canary-secret');
  });

  it('adds a row of a team named by an administrator', async () => {
    await ask('admin', words`team add-member platform admin`);
    const row = await ask('admin', words`resource add tasks --team platform --field title=Ours`);
    expect(row).toMatchObject({ title: 'Ours', team_id: expect.any(String) as string });
  });
});

describe('wrong input', () => {
  const nobody = '00000000-0000-4000-8000-000000000000';

  it.each([
    [words`user create ${'Not A Handle'}`, 1, 'invalid_request'],
    [words`user create alice`, 1, 'conflict'],
    [words`federation grant show ${nobody}`, 5, 'not_found'],
    [words`federation grant show not-an-id`, 1, 'invalid_request'],
    [words`user delete nobody`, 5, 'not_found'],
    [words`token revoke ${nobody}`, 5, 'not_found'],
    [words`resource show tasks ${nobody}`, 5, 'not_found'],
    [words`resource add tasks --field colour=red`, 1, 'invalid_request'],
    [words`user list --cursor made-up`, 1, 'invalid_cursor'],
    [words`query tasks --source federated:nobody`, 5, 'peer_unknown'],
    [words`federation peer add https://x/ --user alice`, 1, 'invalid_enrollment_url'],
    [words`user list --limit many`, 2, 'usage'],
  ])('%j ends with %i %s', async (args, exit, code) => {
    const finished = await fail(args);
    expect(finished).toMatchObject({ code: exit, out: '' });
    expect(errorOf(finished)).toMatchObject({ code, exit_code: exit });
  });

  it.each([
    words`user list`,
    words`federation grant list`,
    words`federation peer list`,
    words`federation audit`,
  ])('X-80 administering takes an administrator: %s %s', async (...args) => {
    const finished = await fail(args, 'alice');
    expect(finished).toMatchObject({ code: 4, out: '' });
    expect(errorOf(finished).code).toBe('forbidden');
  });
});

it('deletes a team and a user', async () => {
  expect(await ask('admin', words`team delete platform`)).toMatchObject({ deleted: true });
  expect(await ask('admin', words`user delete bob`)).toMatchObject({ deleted: true });
  expect((await ask('admin', words`user list`)).items.map(({ name }) => name)).toEqual(['alice', 'admin']);
});
