import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ZONES } from './boundaries.ts';
import { covers, scanFile, zoneOf } from './boundaries-scan.ts';
import { lintOverrides, madeLintConfig } from './lint-overrides.ts';
import { readReferences } from './references.ts';
import { codeFiles, exists, readManifest, readText } from './repository.ts';

const manifest = readManifest();
const around = {
  exists,
  dependencies: new Set(Object.keys(manifest.dependencies)),
  devDependencies: new Set(Object.keys(manifest.devDependencies)),
};

/** Judges a made-up file, in a world where every relative import resolves. */
const scan = (path: string, source: string) => scanFile(path, source, { ...around, exists: () => true });

describe('import boundaries', () => {
  it('hold in every file of this checkout', () => {
    const files = codeFiles();
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap((path) => scanFile(path, readText(path), around))).toEqual([]);
  });

  it('are what lint enforces too, made when it runs', () => {
    const written = readText('.oxlintrc.json');
    expect(written.length).toBeLessThan(6_000);
    expect(written).not.toContain('no-restricted-imports');
    const made = madeLintConfig(written, manifest) as { readonly overrides: readonly object[] };
    expect(made.overrides).toEqual(expect.arrayContaining(lintOverrides(manifest)));
    expect(lintOverrides(manifest)).toHaveLength(ZONES.length);
  });
});

describe('portable code', () => {
  it('is exactly what tsconfig.portable.json compiles without any host types', () => {
    const { include, exclude } = JSON.parse(
      readText('tsconfig.portable.json').replaceAll(/^\s*\/\/.*$/gm, ''),
    ) as {
      include: string[];
      exclude: string[];
    };
    const sources = codeFiles().filter((path) => path.endsWith('.ts'));
    const compiled = sources.filter((path) => covers(include, path) && !covers(exclude, path));
    expect(compiled).toEqual(sources.filter((path) => zoneOf(path)?.portable === true));
  });
});

describe('the boundary checker', () => {
  it.each([
    ['a static import', `import { x } from '../db/stores/a.ts';`],
    ['a type import', `import type { X } from '../db/stores/a.ts';`],
    ['a re-export', `export { x } from '../db/stores/a.ts';`],
    ['a re-export of everything', `export * from '../db/stores/a.ts';`],
    ['a dynamic import', `const x = await import('../db/stores/a.ts');`],
    ['a dynamic import in a template literal', 'const x = await import(`../db/stores/a.ts`);'],
    ['an import type', `type X = import('../db/stores/a.ts').X;`],
    ['a path that wanders', `import { x } from './grants/../../db/stores/a.ts';`],
    ['a package', `import { Hono } from 'hono';`],
    ['a part of a package', `import { html } from 'hono/html';`],
    ['node:', `import { readFileSync } from 'node:fs';`],
    ['a bare builtin', `import { readFileSync } from 'fs';`],
    ['cloudflare:', `import { connect } from 'cloudflare:sockets';`],
    ['a registry specifier', `import x from 'npm:left-pad';`],
    ['a URL', `import x from 'https://example.test/x.js';`],
    ['an absolute path', `import x from '/etc/x.ts';`],
    ['a path out of the checkout', `import x from '../../x.ts';`],
    ['the harness', `import { x } from '../harness/x.ts';`],
    ['a test helper', `import { x } from './rows.testkit.ts';`],
    ['import = require', `import fs = require('node:fs');`],
    ['process', `export const x = process.env;`],
    ['process as a shorthand', `export const x = { process };`],
    ['Buffer', `export const x = Buffer.from('');`],
    ['Buffer as a type', `export type X = Buffer;`],
    ['Deno', `export const x = typeof Deno;`],
    ['globalThis.process', `export const x = globalThis.process;`],
    ['globalThis by a computed name', `export const x = globalThis['pro' + 'cess'];`],
    ['globalThis as a value', `const { process: p } = globalThis;`],
    ['import.meta', `export const x = import.meta.url;`],
    ['a triple-slash reference', `/// <reference types="node" />`],
    ['a source that does not parse', `export const = ;`],
  ])('refuses %s in domain/', (_, source) => {
    expect(scan('domain/x.ts', source)).toHaveLength(1);
  });

  it.each([
    ['domain/x.ts', `import { y } from './grants/y.ts'; export const z = globalThis.crypto;`],
    ['domain/x.ts', `export const a = { process: 1 }; export const b = a.process; interface C { Buffer: 1 }`],
    ['ca/x.ts', `import * as pkijs from 'pkijs'; import type { X } from '../domain/x.ts';`],
    ['db/connect/pglite.ts', `import { PGlite } from '@electric-sql/pglite';`],
    [
      'routes/x.ts',
      `import { zValidator } from '@hono/zod-validator'; import { y } from '../src/directory/y.ts';`,
    ],
    ['src/inbound/x.ts', `import type { CertificateAuthority } from '../../ca/authority.ts';`],
    ['src/runtimes/node/x.ts', `import { readFileSync } from 'node:fs'; export const x = process.pid;`],
    ['src/kv/valkey.ts', `import net from 'node:net';`],
    ['domain/x.test.ts', `import { it } from 'vitest'; import fc from 'fast-check'; import 'node:fs';`],
    ['harness/x.ts', `import { x } from '../db/x.ts';`],
  ])('accepts what the table allows in %s', (path, source) => {
    expect(scan(path, source)).toEqual([]);
  });

  it.each([
    ['ca/x.ts', `import { x } from '../db/seal.ts';`],
    ['db/x.ts', `import { x } from '../ca/authority.ts';`],
    ['db/connect/pglite.ts', `import { readFile } from 'node:fs/promises';`],
    ['routes/x.ts', `import { x } from '../db/stores/x.ts';`],
    ['routes/x.ts', `import { x } from '../src/wire.ts';`],
    ['src/inbound/x.ts', `import { x } from '../../../ca/embedded/authority.ts';`],
    ['src/inbound/x.ts', `import { Hono } from 'hono';`],
    ['src/inbound/x.ts', `import { SignJWT } from 'jose';`],
    ['src/outbound/x.ts', `import { x } from '../runtimes/node/x.ts';`],
    ['src/inbound/x.ts', `import { x } from '../outbound/outbound.ts';`],
    ['src/outbound/x.ts', `import { x } from '../inbound/read/serve.ts';`],
    ['routes/query/x.ts', `import { x } from '../../../src/inbound/read/serve.ts';`],
    ['routes/inbound/x.ts', `import { x } from '../../../src/outbound/outbound.ts';`],
    ['src/audit/x.ts', `import { x } from '../inbound/read/serve.ts';`],
    ['src/app/app.ts', `import { x } from '../../db/stores/x.ts';`],
    ['src/kv/memory.ts', `export const x = setImmediate;`],
    ['src/runtimes/node/x.ts', `import { x } from '../../cli/main.ts';`],
    ['src/runtimes/node/x.ts', `import { x } from 'vitest';`],
    ['src/app/wire.ts', `import { x } from '../runtimes/node/x.ts';`],
    ['src/config/x.ts', `import { readFileSync } from 'node:fs';`],
    ['src/cli/x.ts', `import { x } from '../../db/stores/x.ts';`],
    ['src/cli/x.ts', `import x from 'undeclared-package';`],
    ['domain/x.test.ts', `import { x } from '../harness/x.ts';`],
    ['harness/x.ts', `import x from 'undeclared-package';`],
    ['harness/x.ts', `const x = await import(process.argv[2]);`],
    ['somewhere/x.ts', ``],
    ['domain/x.js', ``],
  ])('refuses a breach in %s: %s', (path, source) => {
    expect(scan(path, source)).toHaveLength(1);
  });

  it('has a table in which every permission is used', () => {
    const used = new Map<string, Set<string>>();
    for (const path of codeFiles()) {
      const zone = zoneOf(path);
      if (zone === undefined) continue;
      for (const { kind, text } of readReferences(path, readText(path))) {
        if (kind !== 'import' || !text.startsWith('.')) continue;
        const target = posix.normalize(posix.join(posix.dirname(path), text));
        for (const glob of zone.imports) {
          if (!covers([glob], target)) continue;
          used.set(zone.name, (used.get(zone.name) ?? new Set()).add(glob));
        }
      }
    }
    const idle = ZONES.flatMap(({ name, imports }) =>
      imports
        .filter((glob) => !glob.startsWith('!') && used.get(name)?.has(glob) !== true)
        .map((glob) => `${name}: ${glob}`),
    );
    expect(idle).toEqual([]);
  });

  it('refuses an import that resolves to nothing', () => {
    const found = scanFile('domain/x.ts', `import { y } from './missing.ts';`, {
      ...around,
      exists: () => false,
    });
    expect(found).toEqual(['domain/x.ts:1: imports ./missing.ts: there is no domain/missing.ts']);
  });
});
