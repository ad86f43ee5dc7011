import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { Pool } from 'undici';

/** Strangers come from another address than good clients: what is limited by address is theirs alone. Loopback all the same. */
export const STRANGER = '127.0.0.66';
/** Nothing here sends more, however quick the machine is. */
const MOST_REQUESTS = 300_000;
const BACK_OFF_MS = 5;
/** Many connections take a while to be made; after this long the attack has begun in any case. */
const UNDER_WAY_MS = 6_000;
/** From here on connections are so many that their making is not what is measured. */
const MANY = 200;

/** Answers by status, and connections that broke as `error`. */
export type Tally = Record<string, number>;

export interface Material {
  readonly cert: string;
  readonly key: string;
}

export interface Request {
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** @throws Error for an address that is not this machine's */
const onLoopback = (origin: string): URL => {
  const url = new URL(origin);
  if (!['localhost', '127.0.0.1'].includes(url.hostname)) throw new Error('attacks go to loopback only');
  url.hostname = '127.0.0.1';
  return url;
};

const count = (tally: Tally, what: number | string): void => {
  tally[what] = (tally[what] ?? 0) + 1;
};

const ask = (pool: Pool, { path, method = 'GET', headers = {}, body }: Request): Promise<number> =>
  new Promise((resolve, reject) => {
    let status = 0;
    pool.dispatch(
      { path, method, headers: { ...headers }, ...(body === undefined ? {} : { body }) },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, code) => void (status = code),
        onResponseData: () => undefined,
        onResponseEnd: () => resolve(status),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });

export interface Flood {
  readonly origin: string;
  readonly connections: number;
  readonly material?: Material | undefined;
  /** The n-th request of it. */
  readonly request: (n: number) => Request;
  /** Requests in all; as many as there is time for when absent. */
  readonly most?: number;
}

/** As many requests as so many connections can ask, one after another on each, until told to stop. */
export const flood = async (order: Flood, until: AbortSignal, begun: () => void): Promise<Tally> => {
  const url = onLoopback(order.origin);
  const pool = new Pool(url.origin, {
    connections: order.connections,
    pipelining: 1,
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    localAddress: STRANGER,
    connect: { rejectUnauthorized: false, servername: 'localhost', timeout: 20_000, ...order.material },
  });
  const tally: Tally = {};
  const most = order.most ?? MOST_REQUESTS;
  let sent = 0;
  const underWay = Promise.withResolvers<void>();
  let answered = 0;
  const worker = async (): Promise<void> => {
    while (!until.aborted && sent < most) {
      sent += 1;
      try {
        count(tally, await ask(pool, order.request(sent)));
        if ((answered += 1) >= order.connections) underWay.resolve();
      } catch {
        if (until.aborted) return;
        count(tally, 'error');
        await sleep(BACK_OFF_MS);
      }
    }
  };
  const workers = Array.from({ length: order.connections }, worker);
  if (order.connections > MANY) await Promise.race([underWay.promise, sleep(UNDER_WAY_MS)]);
  begun();
  const stopped = new Promise<void>((resolve) => until.addEventListener('abort', () => resolve()));
  await Promise.race([Promise.all(workers), stopped]);
  await stopped;
  await pool.destroy();
  await Promise.all(workers);
  return tally;
};

const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0, Buffer.alloc(0)),
]);
const CANCEL = Buffer.from([0, 0, 0, 8]);
const AT_ONCE = 100;
const LAST_STREAM = 2 ** 30;

const literal = (index: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([index, text.length]), Buffer.from(text)]);

/** One connection that opens a stream and takes it back, again and again, until it is cut. @returns streams opened */
const resetting = (url: URL, path: string, until: AbortSignal): Promise<number> =>
  new Promise((resolve) => {
    // :method GET and :scheme https by HPACK's static table, :path and :authority written out (RFC 7541 appendix A).
    const block = Buffer.concat([Buffer.from([0x82, 0x87]), literal(0x04, path), literal(0x01, 'localhost')]);
    const target = { host: url.hostname, port: Number(url.port), localAddress: STRANGER };
    const socket = tls.connect({
      ...target,
      servername: 'localhost',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    });
    let stream = 1;
    const end = (): void => {
      socket.destroy();
      resolve((stream - 1) / 2);
    };
    const more = (): void => {
      if (until.aborted || stream > LAST_STREAM || stream / 2 > MOST_REQUESTS) return end();
      const frames: Buffer[] = [];
      for (let at = 0; at < AT_ONCE; at += 1) {
        frames.push(frame(1, 0x05, stream, block), frame(3, 0, stream, CANCEL));
        stream += 2;
      }
      if (socket.write(Buffer.concat(frames))) setImmediate(more);
      else socket.once('drain', more);
    };
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol !== 'h2') return end();
      socket.write(PREFACE);
      more();
    });
    socket.on('error', end);
    socket.once('close', end);
    socket.resume();
    until.addEventListener('abort', end, { once: true });
  });

/** HEADERS and RST_STREAM without end over so many connections, each made anew when it is cut (F-2). */
export const resetFlood = async (
  order: { readonly origin: string; readonly connections: number; readonly path: string },
  until: AbortSignal,
  begun: () => void,
): Promise<Tally> => {
  const url = onLoopback(order.origin);
  const tally: Tally = { streams: 0, connections: 0 };
  const one = async (): Promise<void> => {
    while (!until.aborted && (tally['connections'] ?? 0) < MOST_REQUESTS) {
      count(tally, 'connections');
      tally['streams'] = (tally['streams'] ?? 0) + (await resetting(url, order.path, until));
      await sleep(BACK_OFF_MS);
    }
  };
  begun();
  await Promise.all(Array.from({ length: order.connections }, one));
  return tally;
};

export interface Slow {
  readonly origin: string;
  readonly connections: number;
  readonly head: string;
}

/** Connections that have said `head` and go on a byte a second, each made anew when it is cut (ABUSE 60). */
export const slowly = async (
  orders: readonly Slow[],
  until: AbortSignal,
  begun: () => void,
): Promise<Tally> => {
  const tally: Tally = { connections: 0, cut: 0 };
  const one = (url: URL, head: string): Promise<void> =>
    new Promise((resolve) => {
      const target = { host: url.hostname, port: Number(url.port), localAddress: STRANGER };
      const isTls = url.protocol === 'https:';
      const socket = isTls
        ? tls.connect({ ...target, servername: 'localhost', rejectUnauthorized: false })
        : net.connect(target);
      const drip = setInterval(() => socket.write('a'), 1_000);
      const end = (): void => {
        clearInterval(drip);
        socket.destroy();
        resolve();
      };
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        count(tally, 'connections');
        socket.write(head);
      });
      socket.on('error', end);
      socket.once('close', () => {
        if (!until.aborted) count(tally, 'cut');
        end();
      });
      socket.resume();
      until.addEventListener('abort', end, { once: true });
    });
  const again = async ({ origin, head }: Slow): Promise<void> => {
    while (!until.aborted) {
      await one(onLoopback(origin), head);
      if (!until.aborted) await sleep(100);
    }
  };
  const all = orders.flatMap((order) => Array.from({ length: order.connections }, () => again(order)));
  begun();
  await Promise.all(all);
  return tally;
};
