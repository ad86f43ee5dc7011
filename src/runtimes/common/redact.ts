import type { LogFields } from '../../../domain/ports/basics.ts';

const REDACTED = '[redacted]';

/** What must never reach a log, whoever put it into a message (ABUSE 48). */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/\bBearer\s+[A-Za-z0-9._~+/-]+=*/gi, `Bearer ${REDACTED}`],
  [/\bmos_[A-Za-z0-9_-]{8,}/g, `mos_${REDACTED}`],
  [/\bsetup_[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])/g, `setup_${REDACTED}`],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, `$1${REDACTED}@`],
  [/\b(password|passwd|pwd)=[^\s&;]+/gi, `$1=${REDACTED}`],
  // Also where somebody escaped the mark before it, or put it into a query.
  [/((?:\b|%[0-9a-f]{2}|_)token(?:=|%3d))[^\s&"'<>]+/gi, `$1${REDACTED}`],
];

/** Replaces private keys, bearer and setup tokens, passwords in connection strings and enrollment tokens in a text. */
export const redact = (text: string): string =>
  SECRETS.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);

/** DEL, C1, line and paragraph separators, and what turns the direction of a line: a terminal or a viewer acts on them. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** A line of JSON in which no character is more than itself. (Those below space, and halves of pairs, JSON escapes anyway.) */
export const printableJson = (line: string): string =>
  line.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Names of fields whose values are dropped whatever they hold. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'client-cert',
  'token',
  'setup_token',
  'text',
  'secret',
  'password',
  'key',
  'key_pem',
  'keyPem',
  'private_key',
  'sealing_key',
  'database_url',
  'databaseUrl',
  'csr',
]);

const MAX_CAUSES = 4;

/** An error as fields: no stack of strangers' input, but the place in our code and the chain of causes. */
const describeError = (error: Error, depth = 0): Record<string, unknown> => ({
  type: error.name,
  message: redact(error.message),
  ...('code' in error ? { code: redact(String(error.code)) } : {}),
  ...(error.stack === undefined ? {} : { stack: redact(error.stack) }),
  ...(error.cause instanceof Error && depth < MAX_CAUSES
    ? { cause: describeError(error.cause, depth + 1) }
    : {}),
});

/** Fields of a log line: texts redacted, errors with their causes, secrets by name dropped. */
export const cleanFields = (fields: LogFields): Record<string, unknown> => {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (SECRET_FIELDS.has(name)) result[name] = REDACTED;
    else if (value instanceof Error) result[name] = describeError(value);
    else result[name] = typeof value === 'string' ? redact(value) : value;
  }
  return result;
};
