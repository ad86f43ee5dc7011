import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { ROOT } from '../../tools/checks/repository.ts';
import { noticesOf, packagesOf, type Bundled } from './notices.ts';

/** Below dist/; not in the package of npm, whose dependencies npm keeps up to date. */
export const BUNDLE = 'bundle';
export const NOTICES = 'THIRD-PARTY-NOTICES.txt';

/** They load WebAssembly and data that lie beside them. */
const BESIDE = ['@electric-sql/pglite', '@electric-sql/pglite-pgvector'];
/** A package of ours uses it where somebody has installed it; here only a tool has. */
const NOT_OURS = ['supports-color'];

/** What CommonJS inside a bundle of ES modules expects to be there. */
const COMMONJS = `import { createRequire as mosaicRequire } from 'node:module';
const require = mosaicRequire(import.meta.url), { filename: __filename, dirname: __dirname } = import.meta;`;

export interface Bundle {
  /** Paths of all that went in, relative to the checkout. */
  readonly inputs: readonly string[];
  /** Names of the files beside main.js. */
  readonly parts: readonly string[];
  /** Modules that are looked for when it runs. */
  readonly external: readonly string[];
  readonly packages: readonly Bundled[];
  /** Packages that are in it as ES modules and as CommonJS: what is made by one is not known to the other. */
  readonly twice: readonly string[];
}

const externalOf = ({ outputs }: Metafile): readonly string[] => [
  ...new Set(
    Object.values(outputs).flatMap(({ imports }) =>
      imports.flatMap(({ external, path }) => (external === true ? [path] : [])),
    ),
  ),
];

const twiceIn = ({ inputs }: Metafile, packages: readonly Bundled[]): readonly string[] =>
  packages.flatMap(({ folder, name }) => {
    const own = Object.entries(inputs).filter(([path]) => path.startsWith(`${folder}/`));
    const formats = new Set(own.flatMap(([, { format }]) => format ?? []));
    return formats.size > 1 ? [name] : [];
  });

/**
 * The product as a few files instead of hundreds, made of the installed packages, which are those of the lockfile. What
 * is loaded only where it is needed stays a file of its own. Whose code is in it stands beside it.
 */
export const bundleProduct = async (folder: string): Promise<Bundle> => {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/cli/main.ts'],
    outdir: folder,
    chunkNames: 'part-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: [...BESIDE, ...NOT_OURS],
    banner: { js: COMMONJS },
    legalComments: 'eof',
    // For whoever asks Node for them; they would cost each start 50 ms.
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'error',
  });
  const inputs = Object.keys(metafile.inputs);
  const packages = packagesOf(inputs);
  writeFileSync(join(folder, NOTICES), noticesOf(packages));
  const parts = Object.keys(metafile.outputs)
    .map((output) => basename(output))
    .filter((name) => /^part-.*\.js$/.test(name));
  return { inputs, parts, external: externalOf(metafile), packages, twice: twiceIn(metafile, packages) };
};
