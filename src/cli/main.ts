import { quickenImports, useCompileCache } from '../runtimes/node/boot/lean.ts';

useCompileCache();
quickenImports();

// After them: only what is imported now is taken from the cache, and found at once.
const { processIo } = await import('./shell/io.ts');
const { run } = await import('./shell/run.ts');

// Not process.exit: what is still on its way to a pipe would be cut off.
process.exitCode = await run(process.argv.slice(2), processIo());
