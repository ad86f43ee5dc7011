import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mutationsOf } from '../mutate/changes.ts';
import { readArguments, staleArguments } from '../mutate/equivalents.ts';
import { GUARDS } from '../mutate/guards.ts';
import { applyChange, nameChanges, type Change } from '../mutate/mutation.ts';
import { nginxChanges } from '../mutate/nginx.ts';
import { percentOf } from '../mutate/report.ts';
import { isCurrent, resultsIn, type Kept } from '../mutate/results.ts';
import { sqlChanges } from '../mutate/sql.ts';
import { typescriptChanges } from '../mutate/typescript.ts';
import { exists } from './repository.ts';

const results = (source: string, changes: readonly Change[]): readonly string[] =>
  changes.map((change) => applyChange(source, change));

describe('the changes that guards are tried with', () => {
  it('of TypeScript: conditions, comparisons, operands, literals, patterns, statements', () => {
    const of = (source: string) => results(source, typescriptChanges('a.ts', source, false));
    expect(of('if (a < 1) throw b;')).toEqual(
      expect.arrayContaining([
        'if (true) throw b;',
        'if (false) throw b;',
        'if (a <= 1) throw b;',
        'if (a >= 1) throw b;',
        'if (a < 2) throw b;',
      ]),
    );
    expect(of('x = a && b;')).toEqual(expect.arrayContaining(['x = (a);', 'x = (b);', 'x = a || b;', ';']));
    expect(of('const p = /^[a]{1,3}$/;')).toEqual(
      expect.arrayContaining(['const p = /[a]{1,3}$/;', 'const p = /^[a]{1,3}/;', 'const p = /^[a]*$/;']),
    );
    expect(of('f(!a, true, [b].every(g).valueOf());')).toEqual(
      expect.arrayContaining([
        'f(a, true, [b].every(g).valueOf());',
        'f(!a, false, [b].every(g).valueOf());',
        'f(!a, true, [b].some(g).valueOf());',
      ]),
    );
    // Texts for people are no guard; types and imports hold no behaviour.
    expect(of(`import a from 'b'; type A = 'x';`)).toEqual([]);
    expect(of(`throw new TypeError('a text');`)).toEqual([]);
    expect(of(`throw new MosaicError('not_found', { detail: 'A text.' });`)).toEqual([
      `throw new MosaicError('', { detail: 'A text.' });`,
    ]);
  });

  it('of SQL in templates of the database: a condition, a line, a comparison, a truth, a number', () => {
    const source = 'const a = `select 1 from t\n  where x = 1 and y is null\n  and z < 5`;';
    const of = results(source, typescriptChanges('db/a.ts', source, true));
    for (const line of ['x <> 1', 'y is not null', 'or y is null', 'z >= 5', 'z < 6'])
      expect(of.some((text) => text.includes(line))).toBe(true);
    expect(of.some((text) => !text.includes('where'))).toBe(true);
    expect(of.some((text) => !text.includes('y is null'))).toBe(true);
    expect(
      results(source, typescriptChanges('src/a.ts', source, false)).some((text) => text.includes('z >=')),
    ).toBe(false);
    const sql = (text: string) => results(text, sqlChanges(text));
    expect(sql('using (true)')).toEqual(['using (false)']);
    expect(sql('-- a = 1 and true')).toEqual([]);
    expect(sql('grant select on t to r;')).toEqual(['']);
    expect(sql("current_setting('app.subject', true)")).toEqual(["current_setting('app.subject', false)"]);
  });

  it('of nginx: a line, an upstream, a switch, what a header becomes, an anchor', () => {
    const of = (text: string) => results(text, nginxChanges(text));
    expect(of('proxy_pass http://mosaic_public;')).toEqual(['', 'proxy_pass http://mosaic_federation;']);
    expect(of('proxy_set_header Client-Cert "";')).toEqual([
      '',
      'proxy_set_header Client-Cert $http_client_cert;',
    ]);
    expect(of('ssl_session_cache off;')).toEqual(['', 'ssl_session_cache on;']);
    expect(of('"~^SUCCESS " 0;')).toEqual(['', '"~SUCCESS " 0;', '"~^SUCCESS " 1;', '"~^SUCCESS " 1;']);
    expect(of('# proxy_pass http://mosaic_public;')).toEqual([]);
  });

  it('have names that outlive lines moving, and neither the line nor its place among equal ones changing', () => {
    const ids = (source: string) =>
      nameChanges('a.ts', source, typescriptChanges('a.ts', source, false)).map(({ id }) => id);
    const line = 'if (a) f();';
    expect(ids(`\n\n  ${line}`)).toEqual(ids(line));
    expect(ids('if (a) g();')).not.toEqual(expect.arrayContaining(ids(line)));
    const twice = ids(`${line}\n${line}`);
    expect(new Set(twice).size).toBe(twice.length);
  });

  it('are done anew when the file changed, and, where nothing noticed, when the tests did', () => {
    const kept = { by: null, source: 's', tests: 't' } as const;
    for (const outcome of ['killed', 'survived', 'timeout'] as const) {
      expect(isCurrent({ ...kept, outcome }, 's', 't')).toBe(true);
      expect(isCurrent({ ...kept, outcome }, 'other', 't')).toBe(false);
      expect(isCurrent({ ...kept, outcome }, 's', 'other')).toBe(outcome !== 'survived');
    }
    expect([percentOf(0, 0), percentOf(2, 1), percentOf(999, 1)]).toEqual([null, 66.6, 99.9]);
  });
});

describe('what runs have found', () => {
  it('is kept of two that run at the same time', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mosaic-mutate-'));
    try {
      const found = (source: string): Kept => ({ outcome: 'killed', by: 'a test', source, tests: 't' });
      const [one, other] = [resultsIn(folder), resultsIn(folder)];
      expect(one.read()).toEqual({});
      one.keep({ a: found('a') });
      other.keep({ b: found('b') });
      one.keep({ c: found('c') });
      const all = { a: found('a'), b: found('b'), c: found('c') };
      for (const results of [one, other, resultsIn(folder)]) expect(results.read()).toEqual(all);
      other.keep({ b: found('anew') });
      expect(one.read()).toEqual({ ...all, b: found('anew') });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the table of guards', () => {
  it('names each file once, with tests that there are', () => {
    const files = GUARDS.flatMap(({ files: own }) => own);
    expect(new Set(files).size).toBe(files.length);
    for (const { files: own, tests } of GUARDS)
      expect([...own, ...tests.flat()].filter((file) => !exists(file))).toEqual([]);
  });

  it('has no argument about a change that is not there any more', () => {
    expect(staleArguments(readArguments(), mutationsOf)).toEqual([]);
    const ids = readArguments().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { why } of readArguments()) expect(why.length).toBeGreaterThan(20);
    const stale = [{ id: '000000000000', file: 'domain/uuid.ts', change: 'x → y', why: 'It is none.' }];
    expect(staleArguments(stale, mutationsOf)).toHaveLength(1);
  });
});
