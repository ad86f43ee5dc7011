import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { toProblem, MosaicError } from '../../../domain/errors.ts';
import { runWith, scripted } from '../testing/cli.testkit.ts';
import { EXIT_CODE_HELP } from './exit.ts';
import { buildProgram } from './program.ts';
import { VERSION } from './version.ts';

const ID = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';

const errorOf = (err: string): { code: string; title: string; exit_code: number } =>
  (JSON.parse(err) as { error: { code: string; title: string; exit_code: number } }).error;

describe('help', async () => {
  const silent = {
    out: () => undefined,
    err: () => undefined,
    env: {},
    readStdin: () => Promise.resolve(''),
    now: () => new Date(),
    fetch,
  };
  const walk = (command: Command, path: readonly string[]): { path: readonly string[]; command: Command }[] =>
    command.commands.flatMap((child) => {
      const at = [...path, child.name()];
      return child.commands.length > 0 ? walk(child, at) : [{ path: at, command: child }];
    });
  const whole = await buildProgram(silent, false);
  const leaves = walk(whole, []);

  it('there are the commands of SPEC M2 and of the data', () => {
    const names = leaves.map(({ path }) => path.join(' '));
    for (const name of [
      'gateway start',
      'bootstrap',
      'demo',
      'query',
      'federation audit list',
      'team add-member',
      'token revoke',
    ]) {
      expect(names).toContain(name);
    }
    expect(leaves.length).toBeGreaterThan(25);
  });

  it.each(leaves.map(({ path }) => [path.join(' ')]))(
    '`mosaic %s --help` has an example, --json and the exit codes',
    async (name) => {
      const { code, out, err } = await runWith([...name.split(' '), '--help']);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain(`$ mosaic ${name}`);
      expect(out).toContain('--json');
      expect(out).toContain(EXIT_CODE_HELP);
    },
  );

  it.each(whole.commands.map((command) => [command.name()]))(
    '`%s` alone is what it is among the others',
    async (name) => {
      const alone = await buildProgram(silent, false, name);
      expect(alone.commands.map((command) => command.name())).toEqual([name]);
      const [one] = alone.commands;
      expect(one?.helpInformation()).toBe(
        whole.commands.find((other) => other.name() === name)?.helpInformation(),
      );
    },
  );

  it.each([
    'user',
    'team',
    'token',
    'resource',
    'federation',
    'federation grant',
    'federation peer',
    'gateway',
  ])('`mosaic %s --help` has an example and the exit codes', async (name) => {
    const { code, out } = await runWith([...name.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`$ mosaic ${name} `);
    expect(out).toContain(EXIT_CODE_HELP);
  });

  it('tells its version, the one of the package', async () => {
    const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await runWith(['--version'])).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' });
    expect(VERSION).toBe(manifest.version);
  });
});

describe('wrong usage', () => {
  it.each([
    [['nonsense']],
    [['user']],
    [['user', 'create']],
    [['user', 'create', 'a', 'b']],
    [['user', 'list', '--limit', '0']],
    [['user', 'list', '--limt', '5']],
    [['query', 'secrets']],
    [['query', 'tasks', '--id', ID, '--all']],
    [['token', 'create', '--user', 'x']],
    [['token', 'create', '--user', 'x', '--name', 'y', '--access', 'root']],
    [['federation', 'grant', 'create', '--user', 'x', '--peer', 'y']],
    [['federation', 'grant', 'create', '--user', 'x', '--peer', 'y', '--scope', '/nonexistent/scope.json']],
    [['federation', 'grant', 'edit', ID]],
    [['federation', 'grant', 'show', '..']],
    [['federation', 'grant', 'list', '--status', 'done']],
    [['resource', 'edit', 'tasks', ID]],
    [['resource', 'add', 'tasks', '--field', 'title']],
    [['resource', 'add', 'tasks', '--json-file', '-', '--secret-file', '-']],
    [['user', 'list', '--url', 'ftp://x']],
    [['gateway', 'start', '--public-port', '70000']],
  ])('%j ends with 2, says why, and sends nothing', async (args) => {
    const { fetch, seen } = scripted([]);
    const plain = await runWith(args, { fetch });
    expect(plain).toMatchObject({ code: 2, out: '' });
    expect(plain.err).not.toBe('');
    const json = await runWith([...args, '--json'], { fetch });
    expect(json).toMatchObject({ code: 2, out: '' });
    expect(errorOf(json.err)).toMatchObject({ code: 'usage', exit_code: 2 });
    expect(seen).toEqual([]);
  });

  it.each(['{"resources": ', '[]', '"x"', 'null'])(
    'a scope of %s is refused before anything is sent',
    async (stdin) => {
      const args = ['federation', 'grant', 'create', '--user', 'a', '--peer', 'b', '--scope', '-'];
      expect(await runWith(args, { stdin })).toMatchObject({ code: 2, out: '' });
    },
  );
});

describe('exit codes', () => {
  it.each([
    ['unauthenticated', 4],
    ['forbidden', 4],
    ['read_only_token', 4],
    ['not_found', 5],
    ['conflict', 1],
    ['rate_limited', 1],
    ['internal', 1],
    ['database_unavailable', 1],
  ] as const)('the answer %s ends with %i, with its code, remedy and trace id', async (code, exit) => {
    const problem = toProblem(new MosaicError(code, { detail: 'more about it' }), 'f'.repeat(32));
    const answer = { status: problem.status, body: problem };
    const { fetch } = scripted([answer, answer]);
    const plain = await runWith(['user', 'create', 'alice'], { fetch });
    expect(plain).toMatchObject({ code: exit, out: '' });
    for (const part of [problem.title, code, 'more about it', problem.remedy, 'f'.repeat(32)])
      expect(plain.err).toContain(part);
    const json = await runWith(['user', 'create', 'alice', '--json'], { fetch });
    expect(errorOf(json.err)).toMatchObject({ code, exit_code: exit, title: problem.title });
  });

  it('M2-7 a refused scope names every path', async () => {
    const issues = [{ path: 'resources[0]', message: 'unknown resource', expected: 'one of tasks' }];
    const { fetch } = scripted([
      { status: 400, body: toProblem(new MosaicError('invalid_scope', { issues })) },
    ]);
    const args = ['federation', 'grant', 'create', '--user', 'a', '--peer', 'b', '--scope', '-'];
    const { code, err } = await runWith(args, { fetch, stdin: '{"resources":["x"]}' });
    expect(code).toBe(1);
    expect(err).toContain('  - resources[0]: unknown resource (expected: one of tasks)\n');
  });

  it('nobody there: 3', async () => {
    const { code, out, err } = await runWith(['user', 'list']);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain('No gateway answered at http://127.0.0.1:8080. (unreachable)');
    expect(err).toContain('ECONNREFUSED');
  });

  it.each([
    ['not JSON', () => new Response('<html>hello</html>')],
    ['a redirect', () => new Response('{}', { status: 302, headers: { location: 'http://evil.example' } })],
    ['another shape', () => new Response('{"items": {"a": 1}}')],
    ['a row without an id', () => new Response('{"items": [{"name": "x"}], "next_cursor": null}')],
    ['an error that explains nothing', () => new Response('Bad Gateway', { status: 502 })],
  ])('a server that answers %s: 1, and says so', async (_, answer) => {
    const { code, out, err } = await runWith(['user', 'list', '--json'], {
      fetch: () => Promise.resolve(answer()),
    });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(errorOf(err).code).toBe('unexpected_answer');
  });

  it('a bug shows neither a stack nor a token', async () => {
    const broken = { env: { MOSAIC_TOKEN: 'mos_canary' }, fetch: 5 as unknown as typeof fetch };
    const { code, err } = await runWith(['user', 'list'], broken);
    expect(code).not.toBe(0);
    expect(err).not.toMatch(/\bat .*\.ts/);
    expect(err).not.toContain('mos_canary');
  });

  it('X-48 a server that echoes the token back does not make us print it', async () => {
    const { fetch } = scripted([
      { status: 400, body: { title: 'no', detail: 'you sent mos_canary', code: 'invalid_request' } },
    ]);
    const { err } = await runWith(['user', 'list'], { fetch, env: { MOSAIC_TOKEN: 'mos_canary' } });
    expect(err).toContain('you sent [token]');
  });

  it('X-77 a hostile problem can not drive the terminal', async () => {
    const { fetch } = scripted([
      {
        status: 400,
        body: { title: '\u001b[2Jgone', code: '\u0007', issues: [{ path: '\r', message: '\u009b' }] },
      },
    ]);
    const { err } = await runWith(['user', 'list'], { fetch });
    // oxlint-disable-next-line no-control-regex -- controls are what this is about
    expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});
