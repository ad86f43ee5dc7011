import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const SKIPPED = new Set(['node_modules', 'dist', 'data', 'coverage']);

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

export function readManifest(): Manifest {
  return JSON.parse(readText('package.json')) as Manifest;
}

/** Code files of the checkout, relative, with `/`; folders of tools and output, and dot folders, left out. */
export function codeFiles(): string[] {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && !SKIPPED.has(entry.name))
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name];
      return readdirSync(join(ROOT, entry.name), { recursive: true, withFileTypes: true })
        .filter((inner) => inner.isFile())
        .map((inner) => relative(ROOT, join(inner.parentPath, inner.name)).split(sep).join('/'));
    })
    .filter((path) => /\.[cm]?[jt]sx?$/.test(path))
    .toSorted();
}
