/**
 * `node folder-lock-worker.testkit.ts <folder>`: takes the lock again and again. Every other time it gives it back, every other time it says
 * `held` and waits to be killed. Whoever finds another living process inside says `double`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeFolderLock } from './folder-lock.ts';

const [folder = ''] = process.argv.slice(2);
const inside = join(folder, 'inside');
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const isRunning = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch {
    return false;
  }
};

const isOccupied = async (): Promise<boolean> => {
  let text = '';
  try {
    text = readFileSync(inside, 'utf8');
  } catch {
    return false;
  }
  const pid = Number(text);
  if (pid === 0 || pid === process.pid || !isRunning(pid)) return false;
  // A process that is being killed has given its locks back a moment before it is gone.
  await pause(300);
  return isRunning(pid) && readFileSync(inside, 'utf8') === text;
};

for (let turn = 0; ; turn += 1) {
  const lock = takeFolderLock(join(folder, 'gateway.lock'));
  if (!lock.taken) {
    await pause(Math.random() * 3);
    continue;
  }
  if (await isOccupied()) process.stdout.write('double\n');
  writeFileSync(inside, String(process.pid));
  await pause(Math.random() * 3);
  if (readFileSync(inside, 'utf8') !== String(process.pid)) process.stdout.write('double\n');
  if (turn % 2 === 1) {
    process.stdout.write('held\n');
    await pause(60_000);
  }
  writeFileSync(inside, '0');
  process.stdout.write('released\n');
  lock.release();
}
