import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOME, WORK } from '../demo/cast.ts';
import { leftovers, processesIn } from './leftovers.testkit.ts';
import { runCli, startCli, type Running } from './process.testkit.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaic-demo-test-'));
});
const started: Running[] = [];
afterEach(async () => {
  // Only after a failure is there anything left to end.
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const NOTHING = { files: [], processes: [] };
const start = (...args: readonly string[]): Running => {
  const running = startCli(['demo', ...args], { env: { TMPDIR: folder } });
  started.push(running);
  return running;
};
const until = async (check: () => unknown): Promise<void> => {
  await expect.poll(check, { timeout: 50_000, interval: 100 }).toBeTruthy();
};

interface Document {
  readonly items: readonly { readonly _source: string; readonly title: string; readonly status: string }[];
  readonly sources: Readonly<Record<string, { readonly status: string; readonly count: number }>>;
  readonly timings_ms: Readonly<Record<string, number>>;
}

const titles = (by: string, teams: readonly (string | undefined)[]): readonly string[] =>
  WORK.rows
    .filter(
      (row) =>
        row.resource === 'tasks' && teams.includes(row.team) && (row.team !== undefined || row.by === by),
    )
    .map(({ fields }) => fields['title'] ?? '');

// Each case starts two gateways, on machines of any size.
describe('mosaic demo', { timeout: 120_000 }, () => {
  it('M3-1 M3-2 M3-8 --once --json prints one document, ends with 0 and leaves nothing behind', async () => {
    const { code, signal, out, err } = await start('--once', '--json').finished;
    expect({ code, signal, err }).toEqual({
      code: 0,
      signal: null,
      err: expect.stringMatching(/^(.* …\n){4}$/) as string,
    });
    const document = JSON.parse(out) as Document;
    expect(Object.keys(document)).toEqual(['items', 'sources', 'timings_ms']);
    expect(Object.keys(document.timings_ms)).toEqual(['boot', 'enroll', 'query']);
    expect(Object.values(document.timings_ms).every((ms) => Number.isFinite(ms) && ms > 0)).toBe(true);
    const from = (source: string) =>
      document.items.filter(({ _source }) => _source === source).map(({ title }) => title);
    expect(from('local').toSorted()).toEqual(HOME.rows.map(({ fields }) => fields['title'] ?? '').toSorted());
    expect(from('federated:work').toSorted()).toEqual(titles('alice', [undefined, 'platform']).toSorted());
    expect(document.items).toHaveLength(from('local').length + from('federated:work').length);
    expect(document.sources).toMatchObject({
      local: { status: 'complete', count: from('local').length },
      'federated:work': { status: 'complete', count: from('federated:work').length },
    });
    expect(leftovers(folder)).toEqual(NOTHING);
  });

  it('shows a person what came, what stayed and why; its lines work; Ctrl-C leaves nothing', async () => {
    const running = start();
    await until(() => running.out().includes('Press Ctrl-C to stop both gateways'));
    const text = running.out();
    expect(text).toMatch(/^federated:work +Rehearse the incident drill +open +team platform /m);
    expect(text).toMatch(/^local +Water the tomatoes +open +alice /m);
    expect(text).toMatch(/^2 tasks +team design +scope: filters\.tasks\.include_teams does not name design/m);
    expect(text).toMatch(/^3 tasks +other people, other teams +RBAC:/m);
    expect(text).toMatch(/^federated:work +denied +0 .*resource_excluded/m);
    expect(text).toMatch(/^blended query +\d+ ms$/m);
    expect(processesIn(folder)).toHaveLength(2);

    const curl = /^curl -s -H 'authorization: (Bearer [^']+)' '([^']+)'$/m.exec(text);
    const answer = await fetch(curl?.[2] ?? '', { headers: { authorization: curl?.[1] ?? '' } });
    expect(await answer.json()).toMatchObject({ sources: { 'federated:work': { status: 'complete' } } });
    const lines = text.split('\n').filter((line) => line.startsWith('npm run -s mosaic -- '));
    expect(lines.length).toBeGreaterThanOrEqual(4);
    for (const line of lines) {
      const { code, out } = await runCli(line.replace('npm run -s mosaic -- ', '').split(' '));
      expect({ line, code }).toEqual({ line, code: 0 });
      expect(out.split('\n').length).toBeGreaterThan(2);
    }

    running.child.kill('SIGINT');
    expect(await running.finished).toMatchObject({ code: 0, signal: null });
    expect(leftovers(folder)).toEqual(NOTHING);
  });

  it('a signal while it starts leaves nothing', async () => {
    const running = start();
    await until(() => processesIn(folder).length === 2);
    running.child.kill('SIGTERM');
    expect(await running.finished).toMatchObject({ code: 1, out: '' });
    expect(leftovers(folder)).toEqual(NOTHING);
  });

  it('the gateways do not outlive it, even when it is killed', async () => {
    const running = start();
    await until(() => running.out().includes('Press Ctrl-C to stop both gateways'));
    running.child.kill('SIGKILL');
    expect(await running.finished).toMatchObject({ signal: 'SIGKILL' });
    await until(() => processesIn(folder).length === 0);
  });
});
