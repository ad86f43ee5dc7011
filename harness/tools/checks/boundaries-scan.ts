import { isBuiltin } from 'node:module';
import { matchesGlob, posix } from 'node:path';
import { HOST_MODULES, TEST_FILES, ZONES, type Zone } from './boundaries.ts';
import { readReferences, type Reference } from './references.ts';

export interface Surroundings {
  /** Does this file (relative to the checkout, POSIX separators) exist? */
  exists(path: string): boolean;
  /** Names in package.json. */
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
}

/** Every broken rule of one file, as `path:line: what`. An empty list is a clean file. */
export function scanFile(path: string, source: string, around: Surroundings): string[] {
  const zone = zoneOf(path);
  if (zone === undefined)
    return [`${path}:1: no zone of harness/tools/checks/boundaries.ts covers this file`];
  if (zone.portable && !path.endsWith('.ts')) return [`${path}:1: portable code is .ts only`];
  return readReferences(path, source).flatMap((reference) => {
    const complaint = judge(path, zone, reference, around);
    return complaint === undefined ? [] : [`${path}:${reference.line}: ${complaint}`];
  });
}

export function zoneOf(path: string): Zone | undefined {
  return ZONES.find((zone) => covers(zone.files, path));
}

export function mayUsePackage(zone: Zone, name: string): boolean {
  if (zone.packages.includes(`!${name}`)) return false;
  return zone.packages.some(
    (allowed) =>
      allowed === '*' ||
      allowed === name ||
      (allowed.endsWith('/*') && name.startsWith(allowed.slice(0, -1))),
  );
}

function judge(path: string, zone: Zone, reference: Reference, around: Surroundings): string | undefined {
  switch (reference.kind) {
    case 'unparsable':
      return `does not parse: ${reference.text}`;
    case 'computed':
      return `computed ${reference.text}: name the module in a literal, so that it can be checked and bundled`;
    case 'host':
      if (!zone.portable) return undefined;
      return `${reference.text} is not there on every runtime; ${zone.name} is portable`;
    case 'import':
      return judgeImport(path, zone, reference.text, around);
  }
}

function judgeImport(path: string, zone: Zone, specifier: string, around: Surroundings): string | undefined {
  if (specifier.startsWith('./') || specifier.startsWith('../')) {
    return judgeRelative(path, zone, specifier, around);
  }
  if (HOST_MODULES.some((prefix) => specifier.startsWith(prefix))) {
    return zone.portable ? `imports ${specifier}; ${zone.name} is portable` : undefined;
  }
  if (isBuiltin(specifier)) return `imports ${specifier}: write node:${specifier}`;
  const name = packageName(specifier);
  if (name === undefined) return `imports ${specifier}: only ./, ../, node: and packages of package.json`;
  if (!mayUsePackage(zone, name)) return `${zone.name} may not import ${name}`;
  if (around.dependencies.has(name)) return undefined;
  const isProduct = !['harness', 'tests', 'tools'].includes(zone.name);
  if (!around.devDependencies.has(name)) return `imports ${name}, which package.json does not name`;
  return isProduct ? `imports ${name}, a devDependency, in code that ships` : undefined;
}

function judgeRelative(
  path: string,
  zone: Zone,
  specifier: string,
  around: Surroundings,
): string | undefined {
  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  if (target.startsWith('..')) return `imports ${specifier}, outside the checkout`;
  if (!around.exists(target)) return `imports ${specifier}: there is no ${target}`;
  const isHarness = zone.name === 'harness';
  const isTest = zone.name === 'tests' || isHarness;
  if (target.startsWith('harness/') && !isHarness) return `imports ${target}: nobody imports harness`;
  if (covers(TEST_FILES, target) && !isTest) return `imports ${target}: only tests import test files`;
  if (covers(zone.imports, target) || zoneOf(target)?.name === zone.name) return undefined;
  return `${zone.name} may not import ${target}`;
}

function packageName(specifier: string): string | undefined {
  return /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*(?=\/|$)/.exec(specifier)?.[0];
}

/** Does a list of globs, in which `!` takes out, cover a path? */
export function covers(globs: readonly string[], path: string): boolean {
  const matches = (glob: string) => matchesGlob(path, glob);
  const refused = globs.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1));
  return globs.some(matches) && !refused.some(matches);
}
