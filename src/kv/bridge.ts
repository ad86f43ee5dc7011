import { sha256 } from '@noble/hashes/sha2.js';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { MosaicError, toProblem } from '../../domain/errors.ts';
import { parseJson } from '../../domain/json.ts';
import type { Log } from '../../domain/ports/basics.ts';
import { toBase64 } from './base64.ts';
import { readCommand, readCommands } from './bridge-commands.ts';
import {
  CommandRefused,
  isServerTrouble,
  reasonOfRefusal,
  unavailable,
  type Reply,
  type TransactionPort,
} from './commands.ts';

export interface BridgeOptions {
  readonly port: TransactionPort;
  /** Any of them is accepted, so that one can be replaced without a gap. At least 32 characters each. */
  readonly tokens: readonly string[];
  readonly log: Log;
  /** Largest body, in bytes. Default: 4 MiB, for a value of 3 MiB. */
  readonly maxBodyBytes?: number;
}

const MIN_TOKEN_LENGTH = 32;
const DEFAULT_MAX_BODY = 4_194_304;
/** Commands of a few words each, a list within a list. */
const BODY_BOUNDS = { depth: 4, parts: 16_384 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Whether two digests are equal, in a time that does not tell where they differ. */
const sameDigest = (one: Uint8Array, other: Uint8Array): boolean => {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) difference |= (one[at] ?? 0) ^ (other[at] ?? 0);
  return difference === 0;
};

/** Compares digests, so that neither length nor content of a token shows in the time it takes. */
const createTokenCheck = (tokens: readonly string[]): ((presented: string) => boolean) => {
  if (tokens.length === 0 || tokens.some((token) => token.length < MIN_TOKEN_LENGTH)) {
    throw new RangeError(`the bridge needs a token of at least ${MIN_TOKEN_LENGTH} characters`);
  }
  const digests = tokens.map((token) => sha256(encoder.encode(token)));
  return (presented) => {
    const digest = sha256(encoder.encode(presented));
    return digests.map((known) => sameDigest(known, digest)).includes(true);
  };
};

/** A reply as JSON: text as it is, or every text as base64 where the client asked for it. */
const toJson = (reply: Reply, base64: boolean): unknown => {
  if (Array.isArray(reply)) return (reply as readonly Reply[]).map((part) => toJson(part, base64));
  if (reply instanceof Uint8Array) return base64 ? toBase64(reply) : decoder.decode(reply);
  if (typeof reply === 'string') return base64 ? toBase64(encoder.encode(reply)) : reply;
  return reply;
};

/** A refusal that concerns the command is an answer; one that concerns the server is an outage. */
const answerOf = (reply: Reply | CommandRefused, base64: boolean): object => {
  if (!(reply instanceof CommandRefused)) return { result: toJson(reply, base64) };
  if (isServerTrouble(reply)) throw unavailable(`Valkey behind the bridge: ${reasonOfRefusal(reply)}.`);
  return { error: reply.message };
};

const asReply = (error: unknown): CommandRefused => {
  if (error instanceof CommandRefused) return error;
  throw error;
};

const readBody = async (c: Context): Promise<unknown> => {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new MosaicError('unsupported_media_type');
  }
  const text = await c.req.text();
  const json = parseJson(text, BODY_BOUNDS);
  if (!json.ok) {
    throw json.error === 'malformed'
      ? new MosaicError('malformed_json')
      : new MosaicError('invalid_request', { detail: 'Commands are lists of texts, and few.' });
  }
  return json.value;
};

const wantsBase64 = (c: Context): boolean => c.req.header('upstash-encoding')?.toLowerCase() === 'base64';

/** A problem document that also has the member `error`, in which Upstash's client looks. */
const answerProblem = (c: Context, error: MosaicError): Response => {
  const problem = toProblem(error);
  const text = problem.detail === undefined ? problem.title : `${problem.title} ${problem.detail}`;
  if (error.status === 401) c.header('www-authenticate', 'Bearer realm="key-value"');
  // The rest of such a body is not read, so the connection is of no more use.
  if (error.status === 413) c.header('connection', 'close');
  return c.body(JSON.stringify({ ...problem, error: text }), error.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
  });
};

/**
 * The part of Upstash's REST protocol that the gateway uses, over a Valkey of one's own: so runtimes without TCP
 * (Deno and workerd behind an HTTP client) share the token buckets and the cache of the others.
 *
 * `POST /` one command · `POST /pipeline` several, each with its own result · `POST /multi-exec` several at once, atomically ·
 * `GET /health` without a token: 200 while Valkey answers, else 503.
 *
 * @throws RangeError when there is no token, or a short one
 */
export const createKvBridge = (options: BridgeOptions): Hono => {
  const { port, log, maxBodyBytes = DEFAULT_MAX_BODY } = options;
  const isToken = createTokenCheck(options.tokens);
  const app = new Hono();

  app.use(async (c, next) => {
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
    await next();
  });

  app.get('/health', async (c) => {
    await port.run(['PING']).catch((error: unknown) => {
      throw error instanceof CommandRefused ? unavailable(reasonOfRefusal(error)) : error;
    });
    return c.json({ status: 'ok' });
  });

  // Before the body is read, and before it shows which addresses exist.
  app.use(async (c, next) => {
    const presented = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (presented === undefined || !isToken(presented)) throw new MosaicError('unauthenticated');
    await next();
  });
  const tooLarge = (): never => {
    throw new MosaicError('payload_too_large', { detail: `A body may have at most ${maxBodyBytes} bytes.` });
  };
  app.use(bodyLimit({ maxSize: maxBodyBytes, onError: tooLarge }));

  app.post('/', async (c) => {
    const command = readCommand(await readBody(c));
    const answer = answerOf(await port.run(command).catch(asReply), wantsBase64(c));
    return c.json(answer, 'error' in answer ? 400 : 200);
  });

  app.post('/pipeline', async (c) => {
    const commands = readCommands(await readBody(c));
    // Sent in order on one connection, and answered in that order.
    const replies = await Promise.all(commands.map((command) => port.run(command).catch(asReply)));
    return c.json(replies.map((reply) => answerOf(reply, wantsBase64(c))));
  });

  app.post('/multi-exec', async (c) => {
    const commands = readCommands(await readBody(c));
    const replies = await port.transaction(commands).catch(asReply);
    if (replies instanceof CommandRefused) return c.json(answerOf(replies, false), 400);
    return c.json(replies.map((reply) => answerOf(reply, wantsBase64(c))));
  });

  app.notFound((c) => answerProblem(c, new MosaicError('not_found')));
  app.onError((thrown, c) => {
    const error = thrown instanceof MosaicError ? thrown : new MosaicError('internal', { cause: thrown });
    if (error.status >= 500) {
      log.error('key-value bridge failed', {
        code: error.code,
        error: error.cause instanceof Error ? error.cause : error,
      });
    }
    return answerProblem(c, error);
  });
  return app;
};
