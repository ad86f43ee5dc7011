import { describe, expect, it } from 'vitest';
import { runWith, scripted } from '../testing/cli.testkit.ts';

const ID = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';

describe('F-58 a day that no calendar has, on the command line', () => {
  it.each([
    ['federation', 'grant', 'edit', ID, '--expires', '2027-02-30'],
    [
      'federation',
      'grant',
      'create',
      '--user',
      'a',
      '--peer',
      'b',
      '--scope',
      '-',
      '--expires',
      '2027-02-29',
    ],
    ['federation', 'audit', 'list', '--from', '2027-02-30'],
    ['federation', 'audit', 'export', '--to', '2027-04-31T00:00:00Z'],
    ['federation', 'audit', 'histogram', '--from', '2027-02-30T00:00:00Z'],
  ])('%s %s %s … ends with 2, and nothing is sent', async (...args) => {
    const { fetch, seen } = scripted([]);
    const { code, out, err } = await runWith(args, { fetch, stdin: '{"resources":["tasks"]}' });
    expect({ code, out, sent: seen.length }).toEqual({ code: 2, out: '', sent: 0 });
    expect(err).toMatch(/moment/);
  });
});
