import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const INSTALL_MS = 240_000;

interface Demo {
  readonly items: readonly { readonly _source: string }[];
  readonly timings_ms: Readonly<Record<string, number>>;
}

/** What `npm pack` makes, installed into an empty folder as a stranger would. */
describe('the packed tarball', () => {
  let folder: string;
  let files: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'mosaic-package-'));
    const { stdout } = await run(
      'npm',
      ['pack', '--json', '--loglevel=error', '--pack-destination', folder],
      { cwd: ROOT },
    );
    // npm prints one entry a package, as a list or by name, depending on its version.
    const packed = JSON.parse(stdout) as Record<string, { files: readonly { path: string }[] }>;
    files = Object.values(packed).flatMap((entry) => entry.files.map((file) => file.path));
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
    await writeFile(path.join(folder, 'package.json'), '{"name":"stranger","private":true}');
    await run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `./${tarball}`],
      { cwd: folder },
    );
  }, INSTALL_MS);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('ships compiled JavaScript and the database template, no tests, sources or harness', () => {
    expect(files).toContain('dist/src/cli/main.js');
    expect(files.some((name) => name.endsWith('pglite-template.tar.gz'))).toBe(true);
    // The bundle is for images: npm keeps the packages of an installation up to date, and it would have copies.
    expect(files.filter((name) => name.startsWith('dist/bundle'))).toEqual([]);
    expect(files.filter((name) => /\.test\.|\.testkit\.|^harness|^src\/|\.ts$/.test(name))).toEqual([]);
  });

  it(
    'runs mosaic demo',
    async () => {
      const { stdout } = await run(
        path.join(folder, 'node_modules/.bin/mosaic'),
        ['demo', '--once', '--json'],
        { cwd: folder },
      );
      const demo = JSON.parse(stdout) as Demo;
      expect(new Set(demo.items.map((item) => item._source))).toEqual(new Set(['local', 'federated:work']));
      expect(Object.keys(demo.timings_ms)).toEqual(expect.arrayContaining(['boot', 'enroll', 'query']));
    },
    INSTALL_MS,
  );

  it('says what it can do', async () => {
    const { stdout } = await run(path.join(folder, 'node_modules/.bin/mosaic'), ['--help'], { cwd: folder });
    expect(stdout).toMatch(/federation/);
  });
});
