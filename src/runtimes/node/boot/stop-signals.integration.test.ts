import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

/** Says on each line of its input whether the debugger listens. */
const PROGRAM = `
import inspector from 'node:inspector';
import { createInterface } from 'node:readline';
import { stopSignals } from ${JSON.stringify(new URL('stop-signals.ts', import.meta.url).href)};
if (process.argv.includes('listening')) stopSignals();
console.log('ready');
createInterface({ input: process.stdin }).on('line', () => console.log(inspector.url() ?? 'none'));
`;
/** More often than a debugger that opens takes to do so. */
const QUESTIONS = 40;
const PAUSE_MS = 25;

const afterTheSignal = async (...args: readonly string[]): Promise<string> => {
  const child = spawn(process.execPath, ['--inspect-port=0', '--input-type=module', '-e', PROGRAM, ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    await lines.next();
    child.kill('SIGUSR1');
    let said = 'none';
    for (let asked = 0; asked < QUESTIONS && said === 'none'; asked += 1) {
      child.stdin.write('?\n');
      said = String((await lines.next()).value);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return said;
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
};

it('F-72 a signal opens no debugger in a gateway, as it does in a bare Node', async () => {
  expect(await afterTheSignal('bare')).toMatch(/^ws:/);
  expect(await afterTheSignal('listening')).toBe('none');
});
