import { readError } from '../../domain/system-errors.ts';
import { ENVIRONMENT, type Origins } from './environment.ts';
import type { ConfigIssue } from './issues.ts';
import { at, place, type Json } from './document.ts';

const SECRET_PATHS = ENVIRONMENT.filter(({ secret }) => secret === true).map(({ path }) => path);
/** Files that are read again later, so that the secret in them can change under a running gateway. */
const READ_AGAIN: ReadonlySet<string> = new Set([
  'kv.password',
  'database.url',
  'database.peers_url',
  'database.maintenance_url',
]);

const reasonOf = (error: unknown): string => {
  const found = readError(error);
  return found === null
    ? 'names a file that cannot be read'
    : `names a file that cannot be read: ${found.what}. What to do: ${found.cure}`;
};

/** Puts the contents of every `…_file` where the value itself would stand, so that the schema checks it alike. */
export const readSecretFiles = (
  document: Json,
  origins: Origins,
  readFile: ((path: string) => string) | undefined,
): readonly ConfigIssue[] => {
  const issues: ConfigIssue[] = [];
  for (const path of SECRET_PATHS) {
    const filePath = `${path}_file`;
    const file = at(document, filePath);
    // Anything but a text is the schema's to refuse.
    if (typeof file !== 'string' || file === '') continue;
    const variable = origins.get(filePath);
    const place_ = variable === undefined ? { path: filePath } : { path: filePath, variable };
    if (at(document, path) !== undefined) {
      issues.push({ path: filePath, message: `stands beside ${path}`, expected: 'one of the two' });
      continue;
    }
    try {
      if (readFile === undefined) throw new Error('no files here');
      const value = readFile(file).trim();
      if (value === '') issues.push({ ...place_, message: 'names an empty file', expected: 'the secret' });
      else place(document, path, value);
      origins.set(path, variable ?? filePath);
      if (!READ_AGAIN.has(path)) place(document, filePath, undefined);
    } catch (error) {
      issues.push({ ...place_, message: reasonOf(error), expected: 'the path of a readable file' });
    }
  }
  return issues;
};
