import { describe, expect, it } from 'vitest';
import { makeSbom } from '../sbom.ts';
import { readManifest, readText } from './repository.ts';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const manifest = readManifest();
const { dependencies, devDependencies, optionalDependencies } = manifest;
const direct = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
const lock = JSON.parse(readText('package-lock.json')) as { packages: Record<string, LockedPackage> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

describe('X-83 supply chain', () => {
  it('X-83 pins every direct dependency to one exact version, and the lockfile holds that version', () => {
    expect(direct.filter(([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))).toEqual([]);
    expect(
      direct.filter(([name, range]) => lock.packages[`node_modules/${name}`]?.version !== range),
    ).toEqual([]);
  });

  it('X-83 locks every package by a SHA-512 digest and names no registry host', () => {
    expect(locked.length).toBeGreaterThan(direct.length);
    expect(locked.filter(([, entry]) => !/^sha512-[\w+/]{86}==$/.test(entry.integrity ?? ''))).toEqual([]);
    expect(locked.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
    expect(readText('package-lock.json')).not.toContain('://registry.');
  });

  it('X-83 needs no install script: those that exist are refused, and installing is done without them', () => {
    const scripted = locked
      .filter(([, entry]) => entry.hasInstallScript)
      .map(([path]) => path.replace(/.*node_modules\//, ''));
    expect(scripted.filter((name) => manifest.allowScripts[name] !== false)).toEqual([]);
    expect(Object.values(manifest.allowScripts)).not.toContain(true);
    expect(readText('boot.mjs')).toContain(`'--ignore-scripts'`);
  });

  it('X-83 comes with an SBOM that lists every production dependency and no tool', () => {
    const sbom = makeSbom();
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: manifest.name } } });
    const listed = new Set(sbom.components.map(({ name, version }) => `${name}@${version}`));
    const product = Object.entries({ ...dependencies, ...optionalDependencies });
    expect(product.filter(([name, version]) => !listed.has(`${name}@${version}`))).toEqual([]);
    expect(
      Object.entries(devDependencies).filter(([name, version]) => listed.has(`${name}@${version}`)),
    ).toEqual([]);
  });
});

describe('docs/reference/dependencies.md', () => {
  it('gives a reason for every dependency of package.json, one line each, and for no others', () => {
    const lines = readText('docs/reference/dependencies.md').split('\n');
    const named = lines.flatMap((line) => /^\| `([^`]+)` +\| \S/.exec(line)?.[1] ?? []);
    expect(named.toSorted()).toEqual(direct.map(([name]) => name).toSorted());
  });
});
