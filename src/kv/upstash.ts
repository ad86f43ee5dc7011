import { Redis } from '@upstash/redis/cloudflare';
import type { KeyValue } from '../../domain/ports/basics.ts';
import { CommandRefused, unavailable, type Command, type CommandPort, type Reply } from './commands.ts';
import { keyValueOver } from './over-commands.ts';

export interface UpstashOptions {
  /** `https://host`, or the address of our bridge (src/kv/bridge.ts). */
  readonly url: string;
  readonly token: string;
  /** Longest a command may take, the connection included, in milliseconds. Default: 2000. */
  readonly timeoutMs?: number;
  readonly prefix?: string;
}

const DEFAULT_TIMEOUT_MS = 2_000;

/** A server's refusal as the client reports it: with our command, arguments and values behind it. */
const REFUSAL = /^([A-Z][A-Z0-9]{2,31}) /;

const serverName = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const usable = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  // An address that is not one must not be quoted: it may be the token in the wrong place.
  if (!usable) throw new TypeError('the address of the REST store is https://host, without a user name');
  return `the REST store at ${url.host}`;
};

/** The client's errors quote the command, so only what is known of them goes on. */
const translated = (error: unknown, name: string): Error => {
  const message = error instanceof Error ? error.message : '';
  if (error instanceof Error && error.name === 'UpstashError') {
    const code = REFUSAL.exec(message)?.[1];
    if (code !== undefined) return new CommandRefused(code);
    return unavailable(`${name}: it refused the request; check its address and token.`);
  }
  if (error instanceof Error && error.name === 'UpstashJSONParseError') {
    return unavailable(`${name}: its answer is not of this protocol; check its address.`);
  }
  const late = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
  return unavailable(`${name}: ${late ? 'no answer in time' : 'it cannot be reached'}.`);
};

/** @throws TypeError for an address that can't be used */
const upstashCommands = (options: UpstashOptions, name: string): CommandPort => {
  const { url, token, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const redis = new Redis({
    url,
    token,
    automaticDeserialization: false,
    enableTelemetry: false,
    enableAutoPipelining: false,
    // Whether a command ran is unknown when its answer is lost, and `take` is not idempotent. (`false` would retry once.)
    retry: { retries: 0 },
    // Browsers cap the bodies of `keepalive` requests; connections are kept open without it.
    keepAlive: false,
    signal: () => AbortSignal.timeout(timeoutMs),
  });
  let closed = false;
  return {
    run: async ([command = '', ...rest]: Command) => {
      if (closed) throw unavailable(`${name}: it was closed.`);
      try {
        return await redis.exec<Reply>([command, ...rest]);
      } catch (error) {
        throw translated(error, name);
      }
    },
    close: async () => {
      closed = true;
    },
  };
};

/**
 * The key-value port over the Upstash REST protocol: for runtimes without TCP, on Upstash itself or on a Valkey of
 * one's own behind our bridge. Web APIs only. Nothing is connected until the first command.
 *
 * @throws TypeError for an address that can't be used
 */
export const createUpstashKeyValue = (options: UpstashOptions): KeyValue => {
  const name = serverName(options.url);
  const { prefix } = options;
  return keyValueOver(upstashCommands(options, name), { name, ...(prefix === undefined ? {} : { prefix }) });
};
