import { HOST_MODULES, ZONES, type Zone } from './boundaries.ts';
import { mayUsePackage } from './boundaries-scan.ts';
import type { Manifest } from './repository.ts';

const FOLDERS = ['domain', 'ca', 'db', 'routes', 'src', 'harness', 'infra'];

export interface LintOverride {
  readonly files: readonly string[];
  readonly rules: {
    readonly 'no-restricted-imports': readonly ['error', { readonly patterns: readonly object[] }];
  };
}

/**
 * The table as lint overrides: packages and top folders, which is what a pattern over an import's text can
 * tell; the boundary test resolves paths and sees the rest. Later overrides win, so the first zone comes last.
 */
export function lintOverrides(manifest: Manifest): LintOverride[] {
  const packages = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.devDependencies),
  ].toSorted();
  return ZONES.toReversed().map((zone) => ({
    files: zone.files.map((glob) => (glob.endsWith('/**') ? `${glob}/*.ts` : glob)),
    rules: { 'no-restricted-imports': ['error', { patterns: patternsOf(zone, packages) }] },
  }));
}

function patternsOf(zone: Zone, packages: readonly string[]): object[] {
  const foreign = FOLDERS.filter((folder) => folder !== topOf(zone) && !reaches(zone, folder));
  const refused = packages
    .filter((name) => !mayUsePackage(zone, name))
    .flatMap((name) => [name, `${name}/**`]);
  const hosts = zone.portable ? HOST_MODULES.map((prefix) => `${prefix}*`) : [];
  const group = [...refused, ...hosts];
  return [
    ...(group.length > 0
      ? [{ group, message: `${zone.name} may not import this (harness/tools/checks/boundaries.ts)` }]
      : []),
    ...(foreign.length > 0
      ? [
          {
            regex: `^(\\.\\.?/)+(${foreign.join('|')})/`,
            message: `${zone.name} may not import that folder (harness/tools/checks/boundaries.ts)`,
          },
        ]
      : []),
  ];
}

function topOf(zone: Zone): string | undefined {
  return zone.files[0]?.split('/')[0];
}

function reaches(zone: Zone, folder: string): boolean {
  return zone.imports.some(
    (glob) => glob === '**' || new RegExp(`^(\\{[^}]*\\b)?${folder}\\b[^/]*/`).test(glob),
  );
}

/** What is written by hand, with the table as overrides before those by hand, which win. */
export function madeLintConfig(handWritten: string, manifest: Manifest): object {
  const config = JSON.parse(handWritten) as { readonly overrides: readonly object[] };
  return { ...config, overrides: [...lintOverrides(manifest), ...config.overrides] };
}
