import { open, readFile, rm } from 'node:fs/promises';
import { usageError } from './exit.ts';
import type { Io } from './io.ts';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'failed';

/** The text of a file, or of standard input for `-`. @throws CliError usage */
export const readText = async (io: Io, path: string): Promise<string> => {
  if (path === '-') return io.readStdin();
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`${path} can not be read (${codeOf(error)}).`);
  }
};

/** The JSON object in a file, or on standard input for `-`. @throws CliError usage */
export const readJsonObject = async (io: Io, path: string): Promise<Record<string, unknown>> => {
  const text = await readText(io, path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const where = path === '-' ? 'Standard input' : path;
    throw usageError(`${where} is not JSON: ${error instanceof Error ? error.message : 'syntax error'}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError(`${path === '-' ? 'Standard input' : path} must hold a JSON object.`);
  }
  return value as Record<string, unknown>;
};

/**
 * Runs `work` and writes the secret it returns to a new file only its owner may read. The file is made first:
 * a token that could not be saved would be lost, since the gateway keeps no copy.
 * @throws CliError usage when the file exists or can't be made; then `work` has not run
 */
export const saveSecret = async <T>(
  path: string,
  work: () => Promise<T>,
  secretOf: (made: T) => string,
): Promise<T> => {
  let file;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    throw usageError(
      `${path} can not be created (${codeOf(error)}).`,
      'Name a file that does not exist yet.',
    );
  }
  let written = false;
  try {
    const made = await work();
    await file.writeFile(`${secretOf(made)}\n`);
    written = true;
    return made;
  } finally {
    await file.close();
    if (!written) await rm(path, { force: true });
  }
};
