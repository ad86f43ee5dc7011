import { enableCompileCache, flushCompileCache, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** In a checkout's or the package's own folder, never a shared temporary one: what is read back from it gets run. */
const COMPILED = '../../../.cache/compiled';

/**
 * Keeps what the engine compiled for the next start, which is a third faster then. For the first lines of a
 * program: it helps with what is imported afterwards. A folder that can't be written is no fault.
 */
export const useCompileCache = (): void => {
  enableCompileCache(fileURLToPath(new URL(COMPILED, import.meta.url)));
};

const DRIZZLE = '/node_modules/drizzle-orm/';
let isHooked = false;

/**
 * Node parses a package's manifest anew for each of its modules, and drizzle-orm's has 179 KB: half a second and
 * 100 MB of garbage at every start. Its modules name each other by relative paths and are all ESM, so nothing
 * in the manifest is needed once its entry point is found. Call it before the database is imported.
 */
export const quickenDrizzle = (): void => {
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      const parent = context.parentURL;
      if (parent === undefined || !specifier.startsWith('.') || !parent.includes(DRIZZLE))
        return next(specifier, context);
      return { url: new URL(specifier, parent).href, format: 'module', shortCircuit: true };
    },
  });
};

type Collect = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

/**
 * For some seconds after the start. Writes the compile cache, then collects what starting left behind (sources, unpacked files) and gives the memory back, some 50 MB: V8 would keep
 * it for as long as nothing presses it, which an idle gateway never does. Only the flavor `last-resort` shrinks
 * the heap. Takes some 50 ms, once.
 */
export const settle = (): void => {
  flushCompileCache();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
};
