import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, it } from 'vitest';
import { exists, readText, ROOT } from './repository.ts';

const PAGES = readdirSync(ROOT, { encoding: 'utf8' })
  .concat(
    ['docs', 'infra'].flatMap((folder) =>
      readdirSync(posix.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
        (name) => `${folder}/${name}`,
      ),
    ),
  )
  .filter((name) => name.endsWith('.md'));

/** The anchor that a heading has on the web page made of it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

const anchorsOf = (text: string): readonly string[] =>
  Array.from(text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    anchorOf(heading),
  );

/** Links to files or headings that are not there, as `target`. */
const brokenLinks = (page: string): readonly string[] =>
  Array.from(readText(page).matchAll(/\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)/g)).flatMap(
    ([, target = '', anchor]) => {
      const file = target === '' ? page : posix.join(posix.dirname(page), target);
      if (!exists(file)) return [target];
      if (anchor === undefined || anchorsOf(readText(file)).includes(anchor)) return [];
      return [`${target}#${anchor}`];
    },
  );

it.each(PAGES)('%s links to files and headings that are there', (page) => {
  expect(brokenLinks(page)).toEqual([]);
});
