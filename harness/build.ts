import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './checks/repository.ts';
import { readTool } from './checks/tools.ts';

/** Folders of files that are not TypeScript and that the running product reads. */
const ASSETS = ['infra/assets', 'db/assets'];

/** `npm run build`, also before `npm pack`: dist/ with the JavaScript and assets the package ships. */
const dist = join(ROOT, 'dist');
rmSync(dist, { recursive: true, force: true });
readTool('typescript', 'tsc', ['-p', 'tsconfig.build.json', '--pretty', 'false']);
for (const folder of ASSETS) {
  const source = join(ROOT, folder);
  if (existsSync(source)) cpSync(source, join(dist, folder), { recursive: true });
}

// stdout stays free: `npm pack --json` prints there while this runs as its prepack script.
const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
console.error(`dist/: ${files.length} files`);
