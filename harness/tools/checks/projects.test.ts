import { matchesGlob } from 'node:path';
import { describe, expect, it } from 'vitest';
import config from '../../../vitest.config.ts';
import { codeFiles } from './repository.ts';

interface Project {
  readonly test: {
    readonly name: string;
    readonly include: readonly string[];
    readonly exclude: readonly string[];
  };
}

describe('vitest projects', () => {
  const projects = (config.test?.projects ?? []) as readonly Project[];
  const projectsOf = (path: string) =>
    projects
      .filter(({ test }) => test.include.some((glob) => matchesGlob(path, glob)))
      .filter(({ test }) => !test.exclude.some((glob) => matchesGlob(path, glob)))
      .map(({ test }) => test.name);

  it('run every test file exactly once', () => {
    const tests = codeFiles().filter((path) => /\.(test|spec)\.[cm]?[jt]sx?$/.test(path));
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.map((path) => [path, projectsOf(path).length])).toEqual(tests.map((path) => [path, 1]));
  });

  it('keep what needs real services out of unit', () => {
    expect(projectsOf('db/stores/grants/grants.integration.test.ts')).toEqual(['integration']);
    expect(projectsOf('harness/tests/acceptance/read.test.ts')).toEqual(['federation']);
    expect(projectsOf('harness/tests/conformance/routes.test.ts')).toEqual(['portable']);
    expect(projectsOf('domain/scope/parse.test.ts')).toEqual(['unit']);
  });
});
