import { describe, expect, it } from 'vitest';
import { ALERTS } from '../../../domain/status/alert-texts.ts';
import { codeFiles, readText } from './repository.ts';

/** The lines of a page's table, a cell each. */
const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));

describe('F-52 alerts', () => {
  it('are each in the one table that says what to do, and nothing else is', () => {
    const raised = codeFiles()
      .filter((path) => /^(?:src|routes|db)\//.test(path) && !/\.(?:test|testkit)\.ts$/.test(path))
      .flatMap((path) =>
        Array.from(readText(path).matchAll(/(?:\balert: |_ALERT = )'([a-z_]+)'/g), ([, name]) => name ?? ''),
      );
    expect([...new Set(raised)].toSorted()).toEqual(Object.keys(ALERTS).toSorted());
  });

  it('stand in the reference with the same words', () => {
    const shown = rowsOf(readText('docs/reference/alerts.md'));
    expect(shown.map(([, name, meaning, cure]) => [name, meaning, cure])).toEqual(
      Object.entries(ALERTS)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { meaning, cure }]) => [`\`${name}\``, meaning, cure]),
    );
  });
});
