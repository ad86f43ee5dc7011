import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { STRANGER, type Tally } from './floods.ts';

/** The beginning of a ClientHello (RFC 8446 section 4.1.2); what follows is never sent whole. */
const HELLO = Buffer.from('1603010200010001fc0303', 'hex');
const REQUEST = Buffer.from('GET /health HTTP/1.1\r\nHost: lo');
/** A connection that was cut comes again, but not more often than the machine can bear. */
const AGAIN_MS = 5_000;
const BATCH = 500;
const UNDER_WAY_MS = 6_000;

export interface HalfOpen {
  readonly origins: readonly string[];
  readonly connections: number;
  /** Whether each goes on, a byte a second; otherwise it says one byte and nothing more. */
  readonly isDribbling: boolean;
}

/** One connection that never gets as far as a request, until it is cut. */
const one = (url: URL, isDribbling: boolean, until: AbortSignal, tally: Tally, opened: () => void) =>
  new Promise<void>((resolve) => {
    const bytes = url.protocol === 'https:' ? HELLO : REQUEST;
    const socket = net.connect({ host: '127.0.0.1', port: Number(url.port), localAddress: STRANGER });
    let sent = 1;
    const drip = isDribbling
      ? setInterval(() => {
          socket.write(bytes.subarray(sent % bytes.length, (sent % bytes.length) + 1));
          sent += 1;
        }, 1_000)
      : null;
    const end = (): void => {
      if (drip !== null) clearInterval(drip);
      until.removeEventListener('abort', end);
      socket.destroy();
      opened();
      resolve();
    };
    socket.once('connect', () => {
      tally['connections'] = (tally['connections'] ?? 0) + 1;
      socket.write(bytes.subarray(0, 1));
      opened();
    });
    socket.on('error', end);
    socket.once('close', () => {
      if (!until.aborted) tally['cut'] = (tally['cut'] ?? 0) + 1;
      end();
    });
    socket.resume();
    until.addEventListener('abort', end, { once: true });
  });

/** Connections of one address that cost a listener a place each and never ask anything, made anew when they are cut (F-2). */
export const halfOpen = async (
  { origins, connections, isDribbling }: HalfOpen,
  until: AbortSignal,
  begun: () => void,
): Promise<Tally> => {
  const urls = origins.map((origin) => new URL(origin));
  const tally: Tally = { connections: 0, cut: 0 };
  const again = async (url: URL, opened: () => void): Promise<void> => {
    while (!until.aborted) {
      await one(url, isDribbling, until, tally, opened);
      if (!until.aborted) await sleep(AGAIN_MS, undefined, { signal: until }).catch(() => undefined);
    }
  };
  const all: Promise<void>[] = [];
  const end = Date.now() + UNDER_WAY_MS;
  for (let made = 0; made < connections && Date.now() < end; made += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, connections - made) }, (_, n) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const url = urls[n % urls.length];
      if (url !== undefined) all.push(again(url, resolve));
      return promise;
    });
    await Promise.race([Promise.all(batch), sleep(UNDER_WAY_MS)]);
  }
  begun();
  await Promise.all(all);
  return tally;
};
