import { open, rm } from 'node:fs/promises';
import { jsonFaultPlace } from '../../../domain/json-place.ts';
import { fileError, readError, type SystemError } from '../../../domain/system-errors.ts';
import { readTextFile } from '../../runtimes/node/boot/read-text.ts';
import { usageError, type CliError } from './exit.ts';
import type { Io } from './io.ts';

/**
 * A usage error about one path.
 * @param verb what was not possible, for example `cannot be read`
 */
export const pathError = (path: string, verb: string, found: SystemError | null): CliError =>
  found === null
    ? usageError(`${path} ${verb}.`, 'Name another path.')
    : usageError(`${path} ${verb}: ${found.what}.`, `${found.cure}.`);

/** The text of a file, or of standard input for `-`. @throws CliError usage */
export const readText = async (io: Io, path: string): Promise<string> => {
  if (path === '-') return io.readStdin();
  try {
    return readTextFile(path);
  } catch (error) {
    throw pathError(path, 'cannot be read', readError(error));
  }
};

/** The JSON object in a file, or on standard input for `-`. @throws CliError usage */
export const readJsonObject = async (io: Io, path: string): Promise<Record<string, unknown>> => {
  const text = await readText(io, path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's own message quotes the text, which may hold a secret.
    const name = path === '-' ? 'Standard input' : path;
    const place = jsonFaultPlace(text);
    const where = place === null ? '' : ` at line ${place.line}, column ${place.column}`;
    throw usageError(`${name} is not JSON${where}.`, 'Correct the text there; it must hold one JSON object.');
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
    throw pathError(path, 'cannot be created', fileError(error));
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
