import type { Issue } from '../errors.ts';
import { RESOURCES, isResource, isSensitive, type Resource } from '../resources.ts';
import { err, ok, type Result } from '../result.ts';
import { isUuid } from '../uuid.ts';
import { MAX_ROWS_LIMIT, MAX_TEAMS_PER_FILTER, type ResourceFilter, type Scope } from './scope.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const KNOWN_KEYS = ['resources', 'excluded_resources', 'filters', 'max_rows_per_query'];
const FILTER_KEYS = ['include_teams', 'include_personal'];
const EXPECTED_RESOURCE = `one of ${RESOURCES.join(', ')}`;

const unknownKeys = (value: Json, known: readonly string[], prefix: string): Issue[] =>
  Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      path: `${prefix}${key}`,
      message: 'unknown key',
      expected: `one of ${known.join(', ')}`,
    }));

const parseResourceList = (value: unknown, path: string, issues: Issue[]): Resource[] => {
  if (!Array.isArray(value)) {
    issues.push({ path, message: 'must be a list', expected: `a list of ${EXPECTED_RESOURCE}` });
    return [];
  }
  const seen = new Set<Resource>();
  for (const [index, item] of value.entries()) {
    const at = `${path}[${index}]`;
    if (!isResource(item))
      issues.push({ path: at, message: 'unknown resource', expected: EXPECTED_RESOURCE });
    else if (seen.has(item))
      issues.push({ path: at, message: 'listed twice', expected: 'each resource once' });
    else seen.add(item);
  }
  return [...seen];
};

const parseTeams = (value: unknown, path: string, issues: Issue[]): string[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    issues.push({ path, message: 'must be a list', expected: 'a list of team ids' });
    return [];
  }
  if (value.length > MAX_TEAMS_PER_FILTER) {
    issues.push({ path, message: 'too many teams', expected: `at most ${MAX_TEAMS_PER_FILTER}` });
    return [];
  }
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const at = `${path}[${index}]`;
    if (!isUuid(item)) issues.push({ path: at, message: 'not a team id', expected: 'a UUID in lower case' });
    else if (seen.has(item)) issues.push({ path: at, message: 'listed twice', expected: 'each team once' });
    else seen.add(item);
  }
  return [...seen];
};

const parseFilter = (value: unknown, path: string, issues: Issue[]): ResourceFilter => {
  if (!isObject(value)) {
    issues.push({ path, message: 'must be an object', expected: '{ include_teams, include_personal }' });
    return { include_teams: [], include_personal: false };
  }
  issues.push(...unknownKeys(value, FILTER_KEYS, `${path}.`));
  const personal = value['include_personal'];
  if (personal !== undefined && typeof personal !== 'boolean') {
    issues.push({
      path: `${path}.include_personal`,
      message: 'must be true or false',
      expected: 'a boolean',
    });
  }
  return {
    include_teams: parseTeams(value['include_teams'], `${path}.include_teams`, issues),
    include_personal: personal !== false,
  };
};

const parseFilters = (value: unknown, granted: readonly Resource[], issues: Issue[]): Scope['filters'] => {
  if (value === undefined) return {};
  if (!isObject(value)) {
    issues.push({ path: 'filters', message: 'must be an object', expected: 'an object keyed by resource' });
    return {};
  }
  const filters: { [R in Resource]?: ResourceFilter } = {};
  for (const [key, filter] of Object.entries(value)) {
    const path = `filters.${key}`;
    if (!isResource(key)) issues.push({ path, message: 'unknown resource', expected: EXPECTED_RESOURCE });
    else if (!granted.includes(key)) {
      issues.push({
        path,
        message: 'filters a resource that is not granted',
        expected: 'a resource listed in `resources`',
      });
    } else filters[key] = parseFilter(filter, path, issues);
  }
  return filters;
};

/**
 * Parses a scope document strictly (SPEC M2): every fault is reported with its path, nothing is guessed.
 * Used wherever a person writes a scope. For a row already stored see `readStoredScope`.
 */
export const parseScope = (input: unknown): Result<Scope, readonly Issue[]> => {
  if (!isObject(input))
    return err([{ path: '$', message: 'must be an object', expected: 'a scope document' }]);
  const issues = unknownKeys(input, KNOWN_KEYS, '');
  const resources = parseResourceList(input['resources'] ?? null, 'resources', issues);
  if (Array.isArray(input['resources']) && input['resources'].length === 0) {
    issues.push({ path: 'resources', message: 'is empty', expected: 'at least one resource' });
  }
  const excluded =
    input['excluded_resources'] === undefined
      ? []
      : parseResourceList(input['excluded_resources'], 'excluded_resources', issues);
  for (const resource of excluded) {
    if (resources.includes(resource)) {
      issues.push({
        path: 'excluded_resources',
        message: `${resource} is both granted and excluded`,
        expected: 'no overlap with `resources`',
      });
    }
  }
  const filters = parseFilters(input['filters'], resources, issues);
  const maxRows = input['max_rows_per_query'];
  if (typeof maxRows !== 'number' || !Number.isInteger(maxRows) || maxRows < 1 || maxRows > MAX_ROWS_LIMIT) {
    issues.push({
      path: 'max_rows_per_query',
      message: maxRows === undefined ? 'is required' : 'is out of range',
      expected: `a whole number from 1 to ${MAX_ROWS_LIMIT}`,
    });
  }
  if (issues.length > 0) return err(issues);
  return ok({ resources, excluded_resources: excluded, filters, max_rows_per_query: maxRows as number });
};

/** The sensitive resources a scope grants, which need `approve_sensitive` and leave an audit entry. */
export const sensitiveResources = (scope: Scope): readonly Resource[] => scope.resources.filter(isSensitive);

/**
 * Reads a scope from a stored row, which someone may have edited by hand. It never grants more than the
 * document plainly says: unknown parts are dropped, a broken filter allows nothing of its resource, a broken
 * document allows nothing at all, and exclusion is kept so that it wins in `narrow`.
 */
export const readStoredScope = (input: unknown): Scope => {
  const nothing: Scope = { resources: [], excluded_resources: [], filters: {}, max_rows_per_query: 1 };
  if (!isObject(input)) return nothing;
  const excludedInput = input['excluded_resources'];
  // An unreadable exclusion might have named anything, so it excludes everything.
  const isReadable =
    excludedInput === undefined || (Array.isArray(excludedInput) && excludedInput.every(isResource));
  if (!isReadable) return nothing;
  const maxRows = input['max_rows_per_query'];
  if (typeof maxRows !== 'number' || !Number.isInteger(maxRows) || maxRows < 1) return nothing;
  const resources = Array.isArray(input['resources'])
    ? [...new Set(input['resources'].filter(isResource))]
    : [];
  const excluded = [...new Set(excludedInput ?? [])];
  const filters: { [R in Resource]?: ResourceFilter } = {};
  const filtersInput = input['filters'];
  if (filtersInput !== undefined && !isObject(filtersInput)) return nothing;
  for (const [key, filter] of Object.entries(filtersInput ?? {})) {
    if (!isResource(key)) continue;
    const issues: Issue[] = [];
    const parsed = parseFilter(filter, key, issues);
    filters[key] = issues.length === 0 ? parsed : { include_teams: [], include_personal: false };
  }
  return {
    resources,
    excluded_resources: excluded,
    filters,
    max_rows_per_query: Math.min(maxRows, MAX_ROWS_LIMIT),
  };
};
