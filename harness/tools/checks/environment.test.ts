import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEPRECATED_VARIABLES, ENVIRONMENT } from '../../../src/config/environment.ts';
import { OTHER_VARIABLES } from '../../../src/config/unknown.ts';
import { codeFiles, readText, ROOT } from './repository.ts';

/** `env['NAME'] ?? …`: an empty text would be taken for a setting. What is read so has to be without empty ones. */
const DEFAULTED = /process\.env(\.[A-Z_a-z]+|\[[^\]]+\])\s*\?\?/;
/** `${NAME-…}`: the shell's form that takes an empty text for a setting. */
const SHELL = /\$\{[A-Z_]+[-=+?][^}]*\}/;

const linesOf = (paths: readonly string[], pattern: RegExp): readonly string[] =>
  paths.flatMap((path) =>
    readText(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );

describe('F-43 an empty variable is one that is not set', () => {
  it('wherever a program reads its environment', () => {
    const paths = codeFiles().filter((path) => !path.startsWith('harness/tools/checks/'));
    expect(linesOf(paths, DEFAULTED)).toEqual([]);
  });

  it('wherever a script does', () => {
    const paths = readdirSync(join(ROOT, 'infra'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.sh'))
      .map((path) => `infra/${path}`);
    expect(paths.length).toBeGreaterThan(3);
    expect(linesOf(paths, SHELL)).toEqual([]);
  });
});

/** A name of ours where a program reads it: as a text, or as a member of the environment. */
const READ_BY_CODE =
  /['"`]((?:MOSAIC|FEDERATION)_[A-Z0-9_]+)['"`]|\benv\.((?:MOSAIC|FEDERATION)_[A-Z0-9_]+)/g;
/** …and where a script or a compose file does: `${NAME…}`. */
const READ_BY_SHELL = /\$\{((?:MOSAIC|FEDERATION)_[A-Z0-9_]+)/g;
/** Places of the template of nginx.conf, which are no variables. */
const PLACES = new Set(['FEDERATION_LISTEN', 'FEDERATION_UPSTREAMS']);

const namesIn = (paths: readonly string[], pattern: RegExp): readonly string[] =>
  paths.flatMap((path) =>
    Array.from(readText(path).matchAll(pattern), ([, text, member]) => text ?? member ?? ''),
  );

describe('F-78 the list of variables that the configuration does not have', () => {
  it('holds what other programs of the repository read, and nothing else', () => {
    const code = codeFiles().filter(
      (path) => !/\.test\.ts$|^src\/config\/|^harness\/tools\/checks\//.test(path),
    );
    const scripts = readdirSync(join(ROOT, 'infra'), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(sh|ya?ml)$/.test(path))
      .map((path) => `infra/${path}`);
    const settings = new Set([
      ...ENVIRONMENT.flatMap(({ variable }) => [variable, `${variable}_FILE`]),
      ...Object.keys(DEPRECATED_VARIABLES),
      ...PLACES,
    ]);
    const read = new Set([...namesIn(code, READ_BY_CODE), ...namesIn(scripts, READ_BY_SHELL)]);
    const others = [...read].filter((name) => !settings.has(name)).toSorted();
    expect(others).toEqual(Object.keys(OTHER_VARIABLES).toSorted());
  });
});
