import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../checks/repository.ts';
import { toolEntry } from '../checks/tools.ts';

/**
 * Whether a changed file still compiles against all it imports. `npm test` begins with the typecheck, so that a change which does
 * not compile is noticed there. What is merely left unused counts as compiling: whoever takes a guard away tidies up after it.
 *
 * @param run a name that no other run has at the same time
 */
export const compiles = async (run: string, file: string, text: string): Promise<boolean> => {
  const folder = join(ROOT, '.cache', 'mutate', run);
  const [copy, project] = [join(folder, 'typed', file), join(folder, 'tsconfig.json')];
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(copy, text);
  writeFileSync(
    project,
    JSON.stringify({
      extends: '../../../tsconfig.json',
      compilerOptions: {
        // The copy finds what it imports where the file itself would.
        rootDirs: ['../../..', './typed'],
        noUnusedLocals: false,
        noUnusedParameters: false,
        allowUnreachableCode: true,
      },
      include: [],
      files: [join('typed', file)],
    }),
  );
  const child = spawn(process.execPath, [toolEntry('typescript', 'tsc'), '-p', project], { stdio: 'ignore' });
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('exit', resolve),
  );
  rmSync(folder, { recursive: true, force: true });
  return code === 0;
};
