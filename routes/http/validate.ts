import { zValidator } from '@hono/zod-validator';
import type { Context, Env, MiddlewareHandler, ValidationTargets } from 'hono';
import { z } from 'zod';
import { MosaicError, type ErrorCode, type Issue } from '../../domain/errors.ts';
import { jsonFault, memberFault, type JsonFault, type MemberFault } from '../../domain/json.ts';
import { bodyLimitOf, MAX_JSON_DEPTH, MAX_JSON_MEMBERS } from '../../domain/limits.ts';
import { brokenBody } from './broken-body.ts';
import { tagged } from '../openapi/describe.ts';

const MAX_ISSUES = 50;
const MAX_NAME_LENGTH = 100;

type Target = Extract<keyof ValidationTargets, 'json' | 'query' | 'param' | 'header'>;
type Path = readonly PropertyKey[];

const quoted = (part: PropertyKey): string => {
  const text = String(part).toWellFormed().replaceAll('\u0000', '\uFFFD');
  return text.length > MAX_NAME_LENGTH ? `${text.slice(0, MAX_NAME_LENGTH)}…` : text;
};

/** `['filters', 'tasks', 0]` → `filters.tasks[0]`; the whole input is `$`. */
export const dottedPath = (path: Path): string =>
  path.length === 0
    ? '$'
    : path.reduce<string>(
        (text, part) =>
          typeof part === 'number'
            ? `${text}[${part}]`
            : text === ''
              ? quoted(part)
              : `${text}.${quoted(part)}`,
        '',
      );

/** zod's findings as the catalogue's: one a field, nothing of the value itself. */
const issuesOf = (error: z.core.$ZodError): readonly Issue[] =>
  error.issues
    .flatMap((issue): Issue[] => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => ({ path: dottedPath([...issue.path, key]), message: 'unknown key' }));
      }
      const expected = 'expected' in issue ? { expected: String(issue.expected) } : {};
      const message = issue.message.endsWith('received undefined') ? 'is required' : issue.message;
      return [{ path: dottedPath(issue.path), message, ...expected }];
    })
    .slice(0, MAX_ISSUES);

const textFault = (text: string): string | null => {
  if (text.includes('\u0000')) return 'holds the character U+0000';
  return text.isWellFormed() ? null : 'holds a lone surrogate';
};

/** Strings no database keeps as they are: U+0000 is refused by Postgres, lone surrogates would change in silence. */
export const unstorableText = (value: unknown, path: Path = []): readonly Issue[] => {
  if (typeof value === 'string') {
    const fault = textFault(value);
    return fault === null
      ? []
      : [{ path: dottedPath(path), message: fault, expected: 'Unicode text without U+0000' }];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => unstorableText(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [
    ...(textFault(key) === null
      ? []
      : [{ path: dottedPath([...path, key]), message: `name ${textFault(key)}` }]),
    ...unstorableText(item, [...path, key]),
  ]);
};

const repeated = (value: unknown): readonly Issue[] =>
  Object.entries(value ?? {})
    .filter(([, item]) => Array.isArray(item))
    .map(([key]) => ({ path: dottedPath([key]), message: 'given more than once', expected: 'one value' }));

const refuse = (issues: readonly Issue[]): void => {
  if (issues.length > 0) throw new MosaicError('invalid_request', { issues: issues.slice(0, MAX_ISSUES) });
};

/** The body, which hono keeps for whoever reads it next. */
export const bytesOf = async (c: Context): Promise<Uint8Array> => {
  try {
    return new Uint8Array(await c.req.arrayBuffer());
  } catch (cause) {
    throw cause instanceof MosaicError ? cause : brokenBody(cause);
  }
};

/** The body as text. No body at all reads as `{}`. */
const textOf = async (c: Context): Promise<string> => {
  const bytes = await bytesOf(c);
  const type = c.req.header('content-type');
  if (bytes.length > 0 || type !== undefined) {
    const encoding = c.req.header('content-encoding') ?? 'identity';
    if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type ?? '') || encoding !== 'identity') {
      throw new MosaicError('unsupported_media_type', {
        detail: 'Send application/json in UTF-8, not compressed.',
      });
    }
  }
  if (bytes.length === 0) return '{}';
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new MosaicError('malformed_json', { detail: 'The body is not UTF-8.', cause });
  }
};

const unreadable = (fault: JsonFault, parts: number): MosaicError =>
  fault === 'too_many_parts'
    ? new MosaicError('invalid_request', { detail: `Here JSON may have ${parts} brackets, colons, commas.` })
    : new MosaicError('malformed_json', {
        detail: `JSON may nest ${MAX_JSON_DEPTH} levels deep, and no name may end in a backslash.`,
      });

const memberIssue = ({ kind, path }: MemberFault): Issue =>
  kind === 'given_twice'
    ? { path: dottedPath(path), message: 'given more than once', expected: 'one value' }
    : {
        path: dottedPath(path),
        message: 'has too many members',
        expected: `at most ${MAX_JSON_MEMBERS} members`,
      };

/**
 * Reads the body once, as text, and leaves it where hono's own parser looks: counted before anything is parsed, and each
 * member given once (a proxy in front may take the first of two, and a parser takes the last).
 */
const prepareJson = async (c: Context): Promise<void> => {
  const text = await textOf(c);
  const { parts } = bodyLimitOf(c.req.path);
  const fault = jsonFault(text, { depth: MAX_JSON_DEPTH, parts });
  if (fault !== null) throw unreadable(fault, parts);
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new MosaicError('malformed_json', { cause });
  }
  const member = memberFault(text, MAX_JSON_MEMBERS);
  if (member !== null) refuse([memberIssue(member)]);
  Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
};

/** Unknown keys are refused, except among headers. Nested objects say so themselves (`z.strictObject`). */
const strictly = (target: Target, schema: z.ZodType): z.ZodType =>
  target !== 'header' && schema instanceof z.ZodObject && schema.def.catchall === undefined
    ? schema.strict()
    : schema;

const ERRORS: Readonly<Record<Target, readonly ErrorCode[]>> = {
  json: ['invalid_request', 'malformed_json', 'payload_too_large', 'unsupported_media_type'],
  query: ['invalid_request', 'uri_too_long'],
  param: ['invalid_request'],
  header: ['invalid_request'],
};

type Checked<T extends Target, S extends z.ZodType> = {
  in: { [K in T]: z.input<S> };
  out: { [K in T]: z.output<S> };
};

const parsed = (schema: z.ZodType, value: unknown): object => {
  const result = schema.safeParse(value);
  if (!result.success) refuse(issuesOf(result.error));
  return result.data as object;
};

const MAX_REMEMBERED = 500;
const MAX_REMEMBERED_LENGTH = 200;

/** Reads the query. What was found good is found again by its text: a list is asked for in few ways, again and again. */
const queryReader = (schema: z.ZodType, isRemembered: boolean): ((c: Context) => object) => {
  const good = new Map<string, object>();
  return (c) => {
    const { url } = c.req;
    const mark = url.indexOf('?');
    const text = mark === -1 ? '' : url.slice(mark);
    const known = good.get(text);
    if (known !== undefined) return known;
    const value = Object.fromEntries(
      Object.entries(c.req.queries()).map(([name, all]) => [name, all.length === 1 ? all[0] : all]),
    );
    refuse(repeated(value));
    refuse(unstorableText(value));
    const data = Object.freeze(parsed(schema, value));
    if (isRemembered && text.length <= MAX_REMEMBERED_LENGTH) {
      const [oldest] = good.size < MAX_REMEMBERED ? [] : good.keys();
      if (oldest !== undefined) good.delete(oldest);
      good.set(text, data);
    }
    return data;
  };
};

/** Reads the header fields that the schema knows, and no others. */
const headerReader = (schema: z.ZodType): ((c: Context) => object) => {
  const names = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return (c) => {
    const given = names.flatMap((name) => {
      const value = c.req.header(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    return parsed(schema, Object.fromEntries(given));
  };
};

/** Of a query or a header. */
const read = (target: 'query' | 'header', of: (c: Context) => object): MiddlewareHandler<Env> => {
  return async (c, next) => {
    // Hono's own types of what is valid are those of its validators.
    c.req.addValidatedData(target, of(c));
    return next();
  };
};

const checkWhole = (target: Target, schema: z.ZodType): MiddlewareHandler<Env> => {
  const check = zValidator<z.ZodType, Target, Env, string>(target, schema, undefined, {
    validationFunction: (_schema, value: unknown) => {
      refuse(unstorableText(value));
      return { success: true as const, data: parsed(schema, value) };
    },
  });
  return async (c, next) => {
    if (target === 'json') await prepareJson(c);
    return check(c, next);
  };
};

/**
 * Validates one part of a request and tags the route for OpenAPI. `c.req.valid(target)` then is typed.
 *
 * @param isRemembered queries that were good are kept by their text for a while: not where people's words stand in them
 * @throws MosaicError `invalid_request` with issues; for bodies also `malformed_json`, `unsupported_media_type`
 */
export const validate = <T extends Target, S extends z.ZodType, E extends Env, P extends string>(
  target: T,
  schema: S,
  { isRemembered = false }: { readonly isRemembered?: boolean } = {},
): MiddlewareHandler<E, P, Checked<T, S>> => {
  const strict = strictly(target, schema);
  const middleware =
    target === 'query'
      ? read(target, queryReader(strict, isRemembered))
      : target === 'header'
        ? read(target, headerReader(strict))
        : checkWhole(target, strict);
  const documented = tagged(middleware, { kind: 'input', target, schema: strict, errors: ERRORS[target] });
  // What was checked above is what makes these types true.
  return documented as unknown as MiddlewareHandler<E, P, Checked<T, S>>;
};
