import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readText, ROOT } from './repository.ts';

const DOCUMENTS = readdirSync(join(ROOT, 'docs'), { encoding: 'utf8', recursive: true })
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);

/** Rows that a table has more than once, as a merge leaves them. */
const doubledRows = (text: string): readonly string[] => {
  let table = new Set<string>();
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) {
      table = new Set();
      return [];
    }
    const cells = line.replaceAll(/\s+/g, ' ').replaceAll(/-+/g, '-');
    const isDoubled = table.has(cells);
    table.add(cells);
    return isDoubled ? [cells] : [];
  });
};

it.each(DOCUMENTS)('no table of %s has a row twice', (name) => {
  expect(doubledRows(readText(name))).toEqual([]);
});

it('no version of the changelog has a heading twice', () => {
  for (const version of readText('CHANGELOG.md').split(/^## /m)) {
    const headings = version.match(/^### .+$/gm) ?? [];
    expect(headings).toEqual([...new Set(headings)]);
  }
});
