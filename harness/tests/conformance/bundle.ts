import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface Bundle {
  readonly code: string;
  readonly bytes: number;
  /** Modules the runtime itself has to bring, for example `cloudflare:sockets`. */
  readonly external: readonly string[];
  /** Paths of everything that went in, relative to the repository. */
  readonly inputs: readonly string[];
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The worker as `wrangler deploy` bundles it. @param around a module around it, which imports it from `./src/runtimes/workerd/main.ts` */
export const bundleWorker = async (around?: string): Promise<Bundle> => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    ...(around === undefined
      ? { entryPoints: ['src/runtimes/workerd/main.ts'] }
      : { stdin: { contents: around, resolveDir: root, loader: 'js' as const } }),
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
    logLevel: 'silent',
  });
  const [output] = Object.values(metafile.outputs);
  const external = (output?.imports ?? []).filter((one) => one.external === true).map(({ path }) => path);
  return {
    code: outputFiles[0]?.text ?? '',
    bytes: output?.bytes ?? 0,
    external: [...new Set(external)].sort(),
    inputs: Object.keys(metafile.inputs),
  };
};
