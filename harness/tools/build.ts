import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './checks/repository.ts';
import { readTool } from './checks/tools.ts';
import { BUNDLE, bundleProduct } from '../tests/package/bundle.ts';

/**
 * `npm run build`, also before `npm pack`: dist/ with the JavaScript and the database template the package ships, and
 * dist/bundle/, which the image and a service of the operator's start.
 */
const dist = join(ROOT, 'dist');
rmSync(dist, { recursive: true, force: true });
readTool('typescript', 'tsc', ['-p', 'tsconfig.build.json', '--pretty', 'false']);
await bundleProduct(join(dist, BUNDLE));

// For projects that have this package: they name its JavaScript, where those of the checkout name its sources.
for (const name of ['wrangler.toml', 'deno.json']) {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const own = text.replaceAll(
    /\bsrc\/runtimes\/([\w/]+)\.ts/g,
    'node_modules/mosaic-federation/dist/src/runtimes/$1.js',
  );
  if (own === text) throw new Error(`${name} names no source that is built`);
  writeFileSync(join(dist, name), own);
}

// Without it a first start would run initdb and every migration: seconds instead of a copy.
execFileSync(process.execPath, [join(ROOT, 'src/runtimes/node/boot/build-template.ts'), dist], {
  stdio: ['ignore', 2, 2],
});

// stdout stays free: `npm pack --json` prints there while this runs as its prepack script.
const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
console.error(`dist/: ${files.length} files`);
