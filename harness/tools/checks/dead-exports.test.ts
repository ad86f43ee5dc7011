import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ROOT } from './repository.ts';
import { toolEntry } from './tools.ts';

it('no module exports what nothing imports, and no file is left over (knip.json)', () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [toolEntry('knip'), '--reporter', 'compact', '--no-progress'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect(`${stdout}${stderr}`.trim()).toBe('');
  expect(status).toBe(0);
});
