import type { GatewayConfig } from './config.ts';
import type { Environment, Origins } from './environment.ts';
import { ConfigError, type ConfigIssue } from './issues.ts';
import type { Json } from './document.ts';
import { overlay } from './overlay.ts';
import { resolveConfig } from './resolve.ts';
import { expectedAt, keysAt } from './schema-paths.ts';
import { configDocument, type ConfigDocument } from './schema.ts';
import { unknownVariableIssues, unknownVariableWarning } from './unknown.ts';

export interface ConfigSources {
  /** Text of mosaic.config.json, or a document of that shape; absent: defaults and environment alone. */
  readonly file?: string | Readonly<Json>;
  readonly env?: Environment;
  /** Reads a secret's file as text. @throws when it can't be read; the message is shown */
  readonly readFile?: (path: string) => string;
}

export interface LoadedConfig {
  readonly config: GatewayConfig;
  /** For the operator: deprecated names, values without effect, variables that no setting has. */
  readonly warnings: readonly string[];
}

const dotted = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`,
    '',
  ) || '$';

const withExpected = (issue: ConfigIssue, expected: string | undefined): ConfigIssue =>
  expected === undefined ? issue : { ...issue, expected };

/** Checks a document against the schema; each fault names its path, or the variable that set the value. */
const check = (
  document: Json,
  origins: Origins,
): { value: ConfigDocument | undefined; issues: readonly ConfigIssue[] } => {
  const parsed = configDocument.safeParse(document);
  if (parsed.success) return { value: parsed.data, issues: [] };
  const issues = parsed.error.issues.flatMap((issue): ConfigIssue[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = `one of ${keysAt(issue.path).join(', ')}`;
      return issue.keys.map((key) => ({
        path: dotted([...issue.path, key]),
        message: 'unknown key',
        expected: known,
      }));
    }
    const path = dotted(issue.path);
    const missing = path === 'version' && document['version'] === undefined;
    const origin = origins.get(path.replace(/\[\d+\]$/, ''));
    const fault: ConfigIssue = { path, message: missing ? 'is missing' : 'is not valid' };
    return [
      withExpected(origin === undefined ? fault : { ...fault, variable: origin }, expectedAt(issue.path)),
    ];
  });
  // A field with two faults (type and range) is one thing to correct.
  const seen = new Set<string>();
  return { value: undefined, issues: issues.filter(({ path }) => !seen.has(path) && seen.add(path)) };
};

/**
 * Makes the configuration of file and environment; the environment wins (SPEC "Tiers"). Pure: whatever it
 * needs of the outside is an argument.
 *
 * @throws ConfigError naming every fault at once, with its path and what was expected
 */
export const loadConfig = ({ file, env = {}, readFile }: ConfigSources): LoadedConfig => {
  const laid = overlay(file, env, readFile);
  // An empty variable counts as not set.
  const unknown = unknownVariableIssues(Object.keys(env).filter((name) => (env[name] ?? '') !== ''));
  const { value, issues } = check(laid.document, laid.origins);
  if (value === undefined || laid.issues.length > 0)
    throw new ConfigError([...laid.issues, ...issues, ...unknown]);
  const resolved = resolveConfig(value, laid.origins);
  if (resolved.issues.length > 0) throw new ConfigError([...resolved.issues, ...unknown]);
  const warnings = [...laid.warnings, ...resolved.warnings, ...unknown.map(unknownVariableWarning)];
  return { config: resolved.config, warnings };
};
