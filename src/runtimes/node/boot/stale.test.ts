import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOlderThanSources } from './stale.ts';

const PROGRAM = 'dist/bundle/main.js';
const FILES = ['boot.mjs', 'package-lock.json', 'src/cli/main.ts', 'domain/a.ts', 'ca/a.ts', 'db/deep/a.ts'];

describe('a build beside sources', () => {
  let root: string;
  const make = (path: string, second: number): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
    utimesSync(join(root, path), second, second);
  };
  const isOld = (): boolean => isOlderThanSources(join(root, PROGRAM), root);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'mosaic-stale-'));
    for (const path of [...FILES, 'routes/a.ts']) make(path, 1_000);
    make(PROGRAM, 2_000);
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('is not stale when it was made after them', () => {
    expect(isOld()).toBe(false);
  });

  it.each(['src/new.ts', 'db/deep/a.ts', 'routes/a.ts', 'package-lock.json'])(
    'is stale after a change of %s',
    (path) => {
      make(path, 3_000);
      expect(isOld()).toBe(true);
    },
  );

  it('is not stale for a changed test, which is no part of it', () => {
    make('src/cli/main.test.ts', 3_000);
    expect(isOld()).toBe(false);
  });

  it('is never stale outside of a checkout', () => {
    make('src/cli/main.ts', 3_000);
    rmSync(join(root, 'boot.mjs'));
    expect(isOld()).toBe(false);
  });
});
