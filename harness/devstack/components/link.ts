import { once } from 'node:events';
import net from 'node:net';

/** `through`: as if it were not there. `slow`: answers come byte by byte. `reset`: every connection is reset at once. */
export type LinkMode = 'through' | 'slow' | 'reset';

export interface Link {
  readonly port: number;
  /** How many connections were made to it so far. */
  connections(): number;
  /** Changes what happens to connections, those that are open already included. */
  set(mode: LinkMode): void;
  /** Connections that are open now become silent: nothing passes in either direction and neither side is told. New ones work. */
  swallow(): void;
  /** Leads to another port from now on; connections that are open stay where they are. */
  retarget(port: number): void;
  close(): Promise<void>;
}

/** So slow that no answer is whole within any timeout, and yet never silent: an idle timeout alone is not enough. */
const BYTE_EVERY_MS = 500;

/** What a server says, passed on as the mode of the moment has it; what was held back goes on when the link heals. */
const trickle = (
  from: net.Socket,
  to: net.Socket,
  mode: () => LinkMode,
  isSilent: () => boolean,
): (() => void) => {
  let held = Buffer.alloc(0);
  const flush = (): void => {
    if (held.length === 0 || to.destroyed || isSilent()) return;
    const count = mode() === 'slow' ? 1 : held.length;
    to.write(held.subarray(0, count));
    held = held.subarray(count);
  };
  const timer = setInterval(flush, BYTE_EVERY_MS);
  from.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (mode() === 'through') flush();
  });
  to.once('close', () => clearInterval(timer));
  return flush;
};

/**
 * A TCP proxy in front of a component that makes its network bad on demand (ABUSE 71).
 * @param targetPort where the component really listens, on loopback
 */
export const openLink = async (targetPort: number): Promise<Link> => {
  let mode: LinkMode = 'through';
  let connections = 0;
  let leadsTo = targetPort;
  const open = new Map<net.Socket, () => void>();
  const silent = new Set<net.Socket>();
  const closers: (() => void)[] = [];
  const server = net.createServer((client) => {
    connections += 1;
    client.on('error', () => client.destroy());
    if (mode === 'reset') return void client.resetAndDestroy();
    const target = net.connect({ host: '127.0.0.1', port: leadsTo });
    target.on('error', () => client.destroy());
    target.once('close', () => {
      if (mode === 'through') client.end();
      else client.destroy();
    });
    client.once('close', () => {
      // A host that died silently tells the server nothing either.
      if (silent.has(client)) closers.push(() => target.destroy());
      else target.destroy();
      open.delete(client);
    });
    client.on('data', (chunk: Buffer) => silent.has(client) || target.write(chunk));
    open.set(
      client,
      trickle(
        target,
        client,
        () => mode,
        () => silent.has(client),
      ),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    connections: () => connections,
    set: (next) => {
      mode = next;
      for (const [client, flush] of open) {
        if (next === 'reset') client.resetAndDestroy();
        else flush();
      }
    },
    swallow: () => {
      for (const client of open.keys()) silent.add(client);
    },
    retarget: (next) => {
      leadsTo = next;
    },
    close: async () => {
      server.close();
      for (const destroy of closers) destroy();
      for (const client of open.keys()) client.destroy();
      await once(server, 'close');
    },
  };
};
