import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { ROOT, readManifest } from './checks/repository.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** The part of a CycloneDX document that is touched here; the rest passes through. */
export interface Sbom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/**
 * What is in the product, as CycloneDX: read from the lockfile alone, so that it says what everybody gets rather
 * than what happens to lie in one folder. `withTools` keeps what only building and testing need.
 */
export function makeSbom({ withTools = false } = {}): Sbom {
  const sbom = readNpmSbom();
  // npm takes the product's name from the folder of the checkout.
  const metadata = { ...sbom.metadata, component: { ...sbom.metadata.component, name: readManifest().name } };
  // Not `npm sbom --omit=dev`: it also drops a dependency of the product that a tool names as its peer.
  const components = sbom.components.filter((component) => withTools || !isTool(component));
  const kept = new Set([metadata.component, ...components].map((component) => component['bom-ref']));
  const dependencies = sbom.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map((entry) => ({ ...entry, dependsOn: entry.dependsOn.filter((ref) => kept.has(ref)) }));
  return { ...sbom, metadata, components, dependencies };
}

function readNpmSbom(): Sbom {
  const args = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only', '--loglevel=error'];
  const { stdout, stderr, status, error } = spawnSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`npm sbom ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Sbom;
}

function isTool({ properties = [] }: Component): boolean {
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
}

/** `npm run -s sbom` prints it; `npm run sbom -- file.json [--with-tools]` writes it. */
if (import.meta.main) {
  const args = process.argv.slice(2);
  const text = `${JSON.stringify(makeSbom({ withTools: args.includes('--with-tools') }), null, 2)}\n`;
  const file = args.find((arg) => !arg.startsWith('--'));
  if (file === undefined) process.stdout.write(text);
  else writeFileSync(file, text);
}
