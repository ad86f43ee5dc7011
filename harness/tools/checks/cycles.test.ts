import path from 'node:path';
import { expect, it } from 'vitest';
import { readReferences } from './references.ts';
import { codeFiles, readText } from './repository.ts';

/** What a file imports of this checkout, types too. */
const importsOf = (file: string, known: ReadonlySet<string>): readonly string[] =>
  readReferences(file, readText(file))
    .filter(({ kind, text }) => kind === 'import' && text.startsWith('.'))
    .map(({ text }) => path.posix.join(path.posix.dirname(file), text))
    .filter((target) => known.has(target));

it('no two modules import each other, not even for a type, nor in a longer circle', () => {
  const files = codeFiles().filter(
    (file) => /^(?:src|routes|domain|db|ca)\//.test(file) && file.endsWith('.ts'),
  );
  const known = new Set(files);
  const imports = new Map(files.map((file) => [file, importsOf(file, known)]));
  const done = new Set<string>();
  const circles: string[][] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at !== -1) return void circles.push([...trail.slice(at), file]);
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(imports.get('src/app/wire.ts')?.length).toBeGreaterThan(5);
  expect(circles).toEqual([]);
});
