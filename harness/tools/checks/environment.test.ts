import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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
