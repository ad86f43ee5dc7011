import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../tools/checks/repository.ts';

/** A package whose code is in the bundle. */
export interface Bundled {
  /** Its folder, relative to the checkout. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Texts of its licence and notice files. */
  readonly texts: readonly string[];
}

const FOLDER = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const LEGAL_FILE = /^(licen[cs]e|copying|notice)/i;
/** For packages that name their licence, but ship no text of it. */
const STANDARD: Readonly<Record<string, string>> = {
  'Apache-2.0': 'Licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0',
  Unlicense: 'Released into the public domain: https://unlicense.org',
  MIT: `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`,
};
const RULE = '='.repeat(80);

const read = (folder: string): Bundled => {
  const at = (name: string): string => readFileSync(join(ROOT, folder, name), 'utf8');
  const { name, version, license, author } = JSON.parse(at('package.json')) as Record<string, unknown>;
  if (typeof name !== 'string' || typeof version !== 'string' || typeof license !== 'string')
    throw new Error(`${folder}/package.json does not name its version and licence: it can't be bundled`);
  const files = readdirSync(join(ROOT, folder), { withFileTypes: true }).filter(
    (entry) => entry.isFile() && LEGAL_FILE.test(entry.name),
  );
  const texts = files.map((file) => at(file.name).trim());
  if (texts.length > 0) return { folder, name, version, license, texts };
  const standard = STANDARD[license];
  if (standard === undefined) throw new Error(`${folder} holds no text of its licence, ${license}`);
  const holder = typeof author === 'string' ? author : `the authors of ${name}`;
  return { folder, name, version, license, texts: [`Copyright (c) ${holder}`, standard] };
};

/** @param inputs paths relative to the checkout. @throws Error for a package without a licence */
export const packagesOf = (inputs: readonly string[]): readonly Bundled[] => {
  const folders = new Set(inputs.flatMap((path) => FOLDER.exec(path)?.[0] ?? []));
  return [...folders].toSorted().map(read);
};

/** Most licences ask that their text goes wherever the code does. */
export const noticesOf = (packages: readonly Bundled[]): string => {
  const head = `Mosaic Federation contains code of these ${packages.length} packages.\n`;
  const parts = packages.map(
    ({ name, version, license, texts }) =>
      `${RULE}\n${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`,
  );
  return [head, ...parts].join('\n');
};
