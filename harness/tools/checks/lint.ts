import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { madeLintConfig } from './lint-overrides.ts';
import { ROOT, readManifest, readText } from './repository.ts';
import { runTool } from './tools.ts';

/** Beside the one written by hand, because the globs of a configuration count from its folder. Not committed. */
const MADE = '.oxlintrc.made.json';

const config = madeLintConfig(readText('.oxlintrc.json'), readManifest());
writeFileSync(join(ROOT, MADE), `${JSON.stringify(config, null, 1)}\n`);
process.exitCode = runTool('oxlint', 'oxlint', [
  '--config',
  MADE,
  '--type-aware',
  '--deny-warnings',
  ...process.argv.slice(2),
]);
