import { once } from 'node:events';
import net from 'node:net';

export interface CachingProxy {
  readonly port: number;
  /** Answers that were given from the cache. */
  hits(): number;
  close(): Promise<void>;
}

/** What a cache like Hyperdrive's does not keep: functions that PostgreSQL calls volatile or stable, found by their names in the text. */
const VOLATILE =
  /\b(now|random|clock_timestamp|transaction_timestamp|set_config|current_setting|nextval|gen_random_uuid|(?:pg|app)[._]\w+)\s*\(|\bcurrent_(?:user|date|timestamp)\b|\bfor (?:update|share)\b/i;

const isCacheable = (text: string): boolean => /^\s*select\b/i.test(text) && !VOLATILE.test(text);

const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);

interface Message {
  readonly type: string;
  readonly whole: Buffer;
}

/** Takes whole messages out of what has come; what is left waits for more. */
const split = (bytes: Buffer): { readonly messages: readonly Message[]; readonly rest: Buffer } => {
  const messages: Message[] = [];
  let at = 0;
  while (bytes.length - at >= 5) {
    const length = bytes.readInt32BE(at + 1) + 1;
    if (bytes.length - at < length) break;
    messages.push({ type: String.fromCharCode(bytes[at] ?? 0), whole: bytes.subarray(at, at + length) });
    at += length;
  }
  return { messages, rest: bytes.subarray(at) };
};

const textsOf = (whole: Buffer): readonly string[] => whole.subarray(5).toString('latin1').split('\0');

/** One client's connection: batches up to a Sync go to the server one after another, unless their answer is kept. */
const serve = (
  client: net.Socket,
  server: net.Socket,
  kept: Map<string, Buffer>,
  onHit: () => void,
): void => {
  const texts = new Map<string, string>();
  const waiting: (() => void)[] = [];
  let isReady = false;
  let isBusy = false;
  let fromClient: Buffer = Buffer.alloc(0);
  let fromServer: Buffer = Buffer.alloc(0);
  let batch: Message[] = [];
  let recording: { readonly key: string; readonly isSimple: boolean; readonly parts: Buffer[] } | null = null;
  /** Given in place of the end of what the server says of a statement that it only had to parse. */
  let instead: Buffer | null = null;

  const next = (): void => {
    if (!isBusy) waiting.shift()?.();
  };

  /** The statement and its values, by which an answer is kept; null for what is not kept. */
  const keyOf = (messages: readonly Message[]): string | null => {
    const [only] = messages;
    if (only?.type === 'Q') {
      const [text = ''] = textsOf(only.whole);
      return isCacheable(text) ? text : null;
    }
    const bind = messages.find(({ type }) => type === 'B');
    if (bind === undefined || messages.some(({ type }) => !'PBDES'.includes(type))) return null;
    // A description of the values' names is part of the answer then, and no answer is kept with one.
    if (messages.some(({ type, whole }) => type === 'D' && whole[5] === 'P'.charCodeAt(0))) return null;
    const [portal = '', name = ''] = textsOf(bind.whole);
    const text = texts.get(name);
    if (text === undefined || !isCacheable(text)) return null;
    const values = bind.whole.subarray(5 + portal.length + 1 + name.length + 1).toString('latin1');
    return `${text}\0${values}`;
  };

  const run = (messages: readonly Message[]): void => {
    const key = keyOf(messages);
    const answer = key === null ? undefined : kept.get(key);
    if (answer !== undefined) {
      onHit();
      const before = messages.filter(({ type }) => type === 'P' || type === 'D');
      if (before.length === 0) {
        client.write(answer);
        return next();
      }
      isBusy = true;
      instead = answer;
      return void server.write(Buffer.concat([...before.map(({ whole }) => whole), SYNC]));
    }
    isBusy = true;
    recording = key === null ? null : { key, isSimple: messages[0]?.type === 'Q', parts: [] };
    server.write(Buffer.concat(messages.map(({ whole }) => whole)));
  };

  client.on('data', (chunk: Buffer) => {
    if (!isReady) return void server.write(chunk);
    const { messages, rest } = split(Buffer.concat([fromClient, chunk]));
    fromClient = rest;
    for (const message of messages) {
      if (message.type === 'P') {
        const [name = '', text = ''] = textsOf(message.whole);
        texts.set(name, text);
      }
      batch.push(message);
      const whole = batch;
      if (message.type === 'S' || message.type === 'Q') waiting.push(() => run(whole));
      // A description is asked for before the values are sent.
      else if (message.type === 'H' || message.type === 'X')
        waiting.push(() => {
          server.write(Buffer.concat(whole.map((one) => one.whole)));
          next();
        });
      else continue;
      batch = [];
    }
    next();
  });
  server.on('data', (chunk: Buffer) => {
    const { messages, rest } = split(Buffer.concat([fromServer, chunk]));
    fromServer = rest;
    for (const { type, whole } of messages) {
      client.write(type === 'Z' && instead !== null ? instead : whole);
      // What is said of a statement that was parsed before is not part of the answer.
      if (recording?.isSimple === true || !'1tTn'.includes(type)) recording?.parts.push(whole);
      if (type === 'E') recording = null;
      if (type !== 'Z') continue;
      // Only outside of a transaction.
      if (recording !== null && whole[5] === 'I'.charCodeAt(0))
        kept.set(recording.key, Buffer.concat(recording.parts));
      recording = null;
      instead = null;
      isReady = true;
      isBusy = false;
      next();
    }
  });
};

/**
 * A proxy before a Postgres that answers SELECTs from a cache of its own, as Hyperdrive does unless it is told not to (FAULTS F-77). It
 * never forgets.
 * @param targetPort where Postgres listens, on loopback and without TLS
 */
export const openCachingProxy = async (targetPort: number): Promise<CachingProxy> => {
  const kept = new Map<string, Buffer>();
  const open = new Set<net.Socket>();
  let hits = 0;
  const listener = net.createServer((client) => {
    const server = net.connect({ host: '127.0.0.1', port: targetPort });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.once('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    serve(client, server, kept, () => {
      hits += 1;
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as net.AddressInfo).port,
    hits: () => hits,
    close: async () => {
      listener.close();
      for (const socket of open) socket.destroy();
      await once(listener, 'close');
    },
  };
};
