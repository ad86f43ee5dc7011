import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildProgram } from '../shell/program.ts';
import { EXIT } from '../shell/exit.ts';
import type { ReadyGateway } from '../demo/launch.ts';
import { openSession, outcomeOf, readDocument, shellBlocks, type Session } from './docs-blocks.testkit.ts';
import { makeProcesses, type Processes } from './process.testkit.ts';

/** docs/reference/ADMIN-CLI.md, carried out: its shell blocks run in order, against two real gateways. */
let processes: Processes;
let session: Session;
let work: ReadyGateway;
let home: ReadyGateway;
let text = '';

beforeAll(async () => {
  text = await readDocument('reference/ADMIN-CLI.md');
  session = await openSession();
  processes = await makeProcesses();
  [work, home] = await Promise.all([processes.launch('work'), processes.launch('home')]);
});
afterAll(async () => {
  await processes.close();
  await session.remove();
});

it(
  'docs/reference/ADMIN-CLI.md: every shell block runs as written, in order',
  { timeout: 120_000 },
  async () => {
    const blocks = shellBlocks(text).map((block) =>
      block
        .replaceAll('http://127.0.0.1:8080', work.publicUrl)
        .replaceAll('http://127.0.0.1:8081', home.publicUrl),
    );
    expect(blocks.length).toBeGreaterThanOrEqual(7);
    const finished = await session.run(blocks);
    expect(outcomeOf(finished)).toEqual({ code: 0, err: '' });
    expect(finished.out).toContain('Water the tomatoes');
    expect(finished.out).toMatch(/^federated:work +Prepare the review/m);
  },
);

it('docs/reference/ADMIN-CLI.md names every command and every exit code', async () => {
  const silent = {
    out: () => undefined,
    err: () => undefined,
    env: {},
    readStdin: () => Promise.resolve(''),
    now: () => new Date(),
    fetch,
  };
  const overview = /^```text\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '';
  for (const command of (await buildProgram(silent, false)).commands) {
    expect(overview).toMatch(new RegExp(`^mosaic ${command.name()} `, 'm'));
    const groups = command.commands.flatMap((child) =>
      child.commands.length > 0 ? child.commands : [child],
    );
    for (const child of groups) expect(overview).toMatch(new RegExp(`[ |]${child.name()}(\\||\\s|$)`, 'm'));
  }
  for (const code of Object.values(EXIT)) expect(text).toMatch(new RegExp(`^\\| ${code} `, 'm'));
});
