import { jsonFaultPlace } from '../../domain/json-place.ts';
import { isObject, place, type Json } from './document.ts';
import { readEnvironment, type Environment, type Origins } from './environment.ts';
import { ConfigError, type ConfigIssue } from './issues.ts';
import { readSecretFiles } from './secret-files.ts';

/** What a value from the environment displaces: it wins over the whole choice, not over half of it. */
const displaced = (path: string): readonly string[] => {
  const [, listener, part] = /^(listen\.\w+)\.(socket|host|port)$/.exec(path) ?? [];
  if (listener !== undefined)
    return part === 'socket' ? [`${listener}.host`, `${listener}.port`] : [`${listener}.socket`];
  return path.endsWith('_file') ? [path.slice(0, -'_file'.length)] : [`${path}_file`];
};

const parseText = (text: string): unknown => {
  const json = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(json);
  } catch {
    // The engine's own message quotes the text, which may hold a password.
    const place = jsonFaultPlace(json);
    const where = place === null ? '' : ` at line ${place.line}, column ${place.column}`;
    throw new ConfigError([{ path: '$', message: `is not valid JSON${where}`, expected: 'a JSON object' }]);
  }
};

/** `queue` is the old name of `kv` (SPEC "Tiers"). */
const renameQueue = (document: Json, warnings: string[], issues: ConfigIssue[]): void => {
  if (document['queue'] === undefined) return;
  if (document['kv'] !== undefined) {
    issues.push({
      path: 'queue',
      message: 'is the old name of kv, and both are there',
      expected: 'kv alone',
    });
  } else {
    warnings.push('queue is deprecated: use kv.');
    document['kv'] = document['queue'];
  }
  delete document['queue'];
};

/** `team` is the old name of the tier `standalone`. */
const renameTeam = (document: Json, origins: Origins, warnings: string[]): void => {
  if (document['tier'] !== 'team') return;
  document['tier'] = 'standalone';
  warnings.push(`${origins.get('tier') ?? 'tier'}: "team" is deprecated: use "standalone".`);
};

export interface Overlay {
  readonly document: Json;
  readonly origins: Origins;
  readonly warnings: readonly string[];
  readonly issues: readonly ConfigIssue[];
}

/** The file's document with the environment laid over it, aliases resolved; not checked against the schema yet. */
export const overlay = (
  file: string | Json | undefined,
  env: Environment,
  readFile?: (path: string) => string,
): Overlay => {
  const parsed = typeof file === 'string' ? parseText(file) : structuredClone(file ?? { version: 2 });
  if (!isObject(parsed))
    throw new ConfigError([{ path: '$', message: 'is not an object', expected: 'a JSON object' }]);
  const reading = readEnvironment(env);
  const warnings = [...reading.warnings];
  const issues = [...reading.issues];
  const origins: Origins = new Map();
  renameQueue(parsed, warnings, issues);
  for (const { path, value, variable } of reading.values) {
    for (const other of displaced(path)) if (!origins.has(other)) place(parsed, other, undefined);
    place(parsed, path, value);
    origins.set(path, variable);
  }
  renameTeam(parsed, origins, warnings);
  issues.push(...readSecretFiles(parsed, origins, readFile));
  return { document: parsed, origins, warnings, issues };
};
