import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Types are stripped and code is compiled once for all starts: a third of a second each. Beside the code and not in the
// shared temporary folder, where somebody else could put something; where that can't be written, there is no cache.
enableCompileCache(fileURLToPath(new URL('../../.cache/compile', import.meta.url)));

const { processIo } = await import('./io.ts');
const { run } = await import('./run.ts');

// Not process.exit: what is still on its way to a pipe would be cut off.
process.exitCode = await run(process.argv.slice(2), processIo());
