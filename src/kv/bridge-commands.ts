import { MosaicError } from '../../domain/errors.ts';
import type { Command } from './commands.ts';
import { TAKE_SCRIPT, TAKE_SCRIPT_SHA1 } from './token-bucket.ts';

/**
 * What the bridge passes on. Left out is all that blocks or takes over the one connection (SUBSCRIBE, BLPOP, WATCH, MULTI,
 * MONITOR), that administers (CONFIG, ACL, DEBUG, SCRIPT, SHUTDOWN, FLUSHALL), or that walks the server (KEYS, SCAN).
 */
const ALLOWED: ReadonlySet<string> = new Set([
  'DEL',
  'EVAL',
  'EVALSHA',
  'EXISTS',
  'EXPIRE',
  'GET',
  'MGET',
  'PEXPIRE',
  'PING',
  'PTTL',
  'SET',
  'TIME',
  'TTL',
  'UNLINK',
]);

/** Scripts that may run: an arbitrary one could hold the server for as long as it likes. */
const KNOWN_SCRIPTS: Readonly<Record<string, ReadonlySet<string>>> = {
  EVAL: new Set([TAKE_SCRIPT]),
  EVALSHA: new Set([TAKE_SCRIPT_SHA1]),
};

const MAX_ARGUMENTS = 128;
const MAX_COMMANDS = 128;

const invalid = (detail: string): MosaicError => new MosaicError('invalid_request', { detail });

const argument = (value: unknown): string => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid('Every part of a command is a text, a number or a boolean.');
};

/**
 * A command out of a request's JSON, its name in upper case.
 *
 * @throws MosaicError `invalid_request`, or `forbidden` for a command or a script that is not on the list
 */
export const readCommand = (json: unknown): Command => {
  if (!Array.isArray(json) || json.length === 0) {
    throw invalid('A command is a list: its name, then its arguments.');
  }
  if (json.length > MAX_ARGUMENTS) throw invalid(`A command has at most ${MAX_ARGUMENTS} parts.`);
  const [first = '', ...rest] = json.map(argument);
  const name = first.toUpperCase();
  if (!ALLOWED.has(name)) throw new MosaicError('forbidden', { detail: 'This command is not passed on.' });
  const scripts = KNOWN_SCRIPTS[name];
  if (scripts !== undefined && !scripts.has(rest[0] ?? '')) {
    throw new MosaicError('forbidden', { detail: 'This script is not passed on.' });
  }
  return [name, ...rest];
};

/** All commands of a pipeline; when one is refused, none runs. Throws like `readCommand`. */
export const readCommands = (json: unknown): readonly Command[] => {
  if (!Array.isArray(json) || json.length === 0) throw invalid('A pipeline is a list of commands.');
  if (json.length > MAX_COMMANDS) throw invalid(`A pipeline has at most ${MAX_COMMANDS} commands.`);
  return json.map(readCommand);
};
