import type { KeyValue } from '../../domain/ports/basics.ts';
import { fromBase64, toBase64 } from './base64.ts';
import {
  CommandRefused,
  reasonOfRefusal,
  unavailable,
  type Command,
  type CommandPort,
  type Reply,
} from './commands.ts';
import { assertBucket } from '../../domain/token-bucket.ts';
import { readTake, TAKE_SCRIPT, TAKE_SCRIPT_SHA1 } from './token-bucket.ts';

/** Stands before every key, so that a user of the server can be confined to it (infra/valkey/make-users.sh). */
const DEFAULT_PREFIX = 'mosaic:';

export interface OverCommandsOptions {
  readonly prefix?: string;
  /** Names the server in the log: host and port, nothing secret. */
  readonly name: string;
}

/** Longest time to live: a year, in milliseconds. */
const MAX_TTL = 31_536_000_000;

const milliseconds = (seconds: number): string =>
  String(Math.min(MAX_TTL, Math.max(1, Math.round(seconds * 1000))));

const PING_KEY = 'ping';
const PING_MS = '60000';

const decoder = new TextDecoder();

/**
 * The key-value port over commands, one round trip each.
 *
 * Values are kept as base64, because arguments of a REST command are text: so a gateway on TCP and one on REST share
 * one server. Values and buckets have separate key spaces, as in memory.
 */
export const keyValueOver = (port: CommandPort, options: OverCommandsOptions): KeyValue => {
  const { prefix = DEFAULT_PREFIX, name } = options;
  const valueKey = (key: string): string => `${prefix}value:${key}`;
  const bucketKey = (key: string): string => `${prefix}bucket:${key}`;

  const run = async (command: Command): Promise<Reply> => {
    try {
      return await port.run(command);
    } catch (error) {
      if (error instanceof CommandRefused) throw unavailable(`${name}: ${reasonOfRefusal(error)}.`);
      throw error;
    }
  };

  const runScript = async (sha1: string, script: string, rest: Command): Promise<Reply> => {
    try {
      return await port.run(['EVALSHA', sha1, ...rest]);
    } catch (error) {
      if (!(error instanceof CommandRefused)) throw error;
      // A server that does not know the script has not run it: sending it whole is no second try.
      if (error.code === 'NOSCRIPT') return run(['EVAL', script, ...rest]);
      throw unavailable(`${name}: ${reasonOfRefusal(error)}.`);
    }
  };

  const remove = async (key: string): Promise<void> => {
    await run(['DEL', valueKey(key)]);
  };

  return {
    get: async (key) => {
      const reply = await run(['GET', valueKey(key)]);
      if (reply === null) return null;
      const text = reply instanceof Uint8Array ? decoder.decode(reply) : reply;
      return typeof text === 'string' ? fromBase64(text) : null;
    },

    set: async (key, value, ttlSeconds) => {
      if (Number.isNaN(ttlSeconds)) throw new RangeError('a time to live must be a number of seconds');
      if (ttlSeconds <= 0) return remove(key);
      await run(['SET', valueKey(key), toBase64(value), 'PX', milliseconds(ttlSeconds)]);
    },

    setIfAbsent: async (key, value, ttlSeconds) => {
      if (!(ttlSeconds > 0)) throw new RangeError('a time to live must be above 0 seconds');
      const set = ['SET', valueKey(key), toBase64(value), 'NX', 'PX', milliseconds(ttlSeconds)];
      return (await run(set)) !== null;
    },

    delete: remove,

    take: async (key, bucket) => {
      assertBucket(bucket);
      const { capacity, refillPerSecond } = bucket;
      const rest = ['1', bucketKey(key), String(capacity), String(refillPerSecond)];
      return readTake(await runScript(TAKE_SCRIPT_SHA1, TAKE_SCRIPT, rest));
    },

    // A write: a demoted primary answers PING and reads, and takes nothing.
    ping: async () => {
      await run(['SET', valueKey(PING_KEY), '', 'PX', PING_MS]);
    },

    close: () => port.close(),
  };
};
