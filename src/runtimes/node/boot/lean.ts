import { enableCompileCache, flushCompileCache, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { COMPILED, PACKAGE_ROOT } from './place.ts';

/**
 * Keeps what the engine compiled for the next start, which is a third faster then. For the first lines of a
 * program: it helps with what is imported afterwards. A folder that can't be written is no fault.
 */
export const useCompileCache = (): void => {
  enableCompileCache(COMPILED);
};

/** All that is ours is below it. */
const OURS = pathToFileURL(`${PACKAGE_ROOT}/`).href;
const PACKAGES = '/node_modules/';
/** Packages of many modules, all of them ESM when they are imported and not required. */
const ALL_ESM = ['drizzle-orm', 'zod', 'jose', 'cockatiel', 'hono'];
let isHooked = false;

/** How Node would take a module that another one names by a relative path, or null where it has to find out itself. */
const formatOf = (parent: string, url: string): string | null => {
  const packages = parent.lastIndexOf(PACKAGES);
  if (packages > OURS.length - PACKAGES.length) {
    const [name = ''] = parent.slice(packages + PACKAGES.length).split('/', 1);
    return ALL_ESM.includes(name) && url.endsWith('.js') ? 'module' : null;
  }
  if (!parent.startsWith(OURS)) return null;
  if (url.endsWith('.ts')) return 'module-typescript';
  return url.endsWith('.js') ? 'module' : null;
};

/**
 * A gateway is some thousand imports, and for each one Node looks for the file and reads the manifest of its package anew
 * (drizzle-orm's alone has 179 KB): a third of the start. What is imported by a relative path is where that path says, and
 * what is ours, or one of those packages', is ESM; so nothing has to be looked for. For the first lines of a program.
 */
export const quickenImports = (): void => {
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      const parent = context.parentURL;
      const isRelative = specifier.startsWith('./') || specifier.startsWith('../');
      if (parent === undefined || !isRelative || !context.conditions.includes('import'))
        return next(specifier, context);
      const { href } = new URL(specifier, parent);
      const format = formatOf(parent, href);
      return format === null ? next(specifier, context) : { url: href, format, shortCircuit: true };
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
