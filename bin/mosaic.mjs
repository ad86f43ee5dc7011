#!/usr/bin/env node
// The `mosaic` command. Plain JavaScript for Node 20 and later: it hands over to Node 24.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { explainMissingNode, findNode, runNode } from './launch.mjs';

const here = fileURLToPath(import.meta.url);
const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const args = process.argv.slice(2);

// The image holds the bundle, the package modules, neither of them sources; where the sources are, they win over an old build.
const [source, bundle, modules, boot] = [
  at('src/cli/main.ts'),
  at('dist/bundle/main.js'),
  at('dist/src/cli/main.js'),
  at('boot.mjs'),
];
const built = existsSync(bundle) ? bundle : modules;
if (existsSync(source) && existsSync(boot)) {
  runNode(process.execPath, [boot, source, ...args]);
} else {
  const node = findNode(here);
  if (node === undefined) fail(explainMissingNode());
  else if (!existsSync(built)) fail(`Neither ${built} nor ${source} exists: run \`npm run build\` first.`);
  else runNode(node, [built, ...args], at('.cache/compiled'));
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
