import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** Sources run as they are in a checkout; what is built holds JavaScript made of them. */
export const isCheckout = here.endsWith('.ts');
/** One bundle: this module is a part of a file with another name. */
const isBundle = !isCheckout && !here.endsWith('place.js');

/** Whatever lies around this module, the manifest is at the root: of a checkout, the package, or the image. */
const findRoot = (folder: string): string => {
  const parent = dirname(folder);
  return parent === folder || existsSync(join(folder, 'package.json')) ? folder : findRoot(parent);
};

/** Folder of package.json; infra/ and dist/ are below it. */
export const PACKAGE_ROOT = findRoot(dirname(here));

const mainBeside = (): string => {
  if (isBundle) return 'main.js';
  return isCheckout ? '../../../cli/main.ts' : '../../../cli/main.js';
};

/** This program's entry point: of the sources, the modules made of them, or the bundle; whichever is running. */
export const MAIN = join(dirname(here), mainBeside());

/**
 * What the engine compiled before. In a checkout's or the package's own folder, never a shared temporary one: what is
 * read back from it gets run.
 */
export const COMPILED = join(PACKAGE_ROOT, '.cache', 'compiled');
