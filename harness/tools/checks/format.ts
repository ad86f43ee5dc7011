import { runTool } from './tools.ts';

/** Checks by default; `--write` mends. */
const args = process.argv.slice(2);
const mode = args.includes('--write') ? '--write' : '--check';
const paths = args.filter((arg) => arg !== '--write');
process.exitCode = runTool('prettier', 'prettier', [
  mode,
  '--log-level=warn',
  '--no-error-on-unmatched-pattern',
  ...(paths.length > 0 ? paths : ['.']),
]);
