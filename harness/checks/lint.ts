import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lintOverrides } from './lint-overrides.ts';
import { ROOT, readManifest, readText } from './repository.ts';
import { runTool } from './tools.ts';

const args = process.argv.slice(2);

if (args.includes('--sync')) {
  syncOverrides();
} else {
  process.exitCode = runTool('oxlint', 'oxlint', ['--type-aware', '--deny-warnings', ...args]);
}

/** Writes the import table into .oxlintrc.json; the other overrides stay as they are, and win. */
function syncOverrides(): void {
  const config = JSON.parse(readText('.oxlintrc.json')) as { overrides: { rules: object }[] };
  const others = config.overrides.filter((entry) => !('no-restricted-imports' in entry.rules));
  const overrides = [...lintOverrides(readManifest()), ...others];
  writeFileSync(join(ROOT, '.oxlintrc.json'), `${JSON.stringify({ ...config, overrides }, null, 2)}\n`);
  process.exitCode = runTool('prettier', 'prettier', ['--write', '.oxlintrc.json']);
}
