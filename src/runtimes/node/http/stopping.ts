import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface Stoppable {
  readonly isStopping: () => boolean;
  /** Stops accepting, lets answers under way finish for at most `graceMs`, then cuts what is left. */
  readonly stop: (graceMs: number) => Promise<void>;
}

/** Graceful stop of a server: no request that has arrived is lost, and nothing holds the stop up for ever. */
export const makeStoppable = (server: Server): Stoppable => {
  const sockets = new Set<Socket>();
  let inFlight = 0;
  let stopping = false;
  let drained: (() => void) | null = null;

  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.prependListener('request', (_incoming, outgoing) => {
    inFlight += 1;
    // Tells the client not to use this connection again, so that it closes when the answer is out.
    if (stopping) outgoing.shouldKeepAlive = false;
    outgoing.once('close', () => {
      inFlight -= 1;
      if (!stopping) return;
      server.closeIdleConnections();
      if (inFlight === 0) drained?.();
    });
  });

  const waitUntilDrained = (graceMs: number): Promise<void> =>
    new Promise((resolve) => {
      if (inFlight === 0) return resolve();
      const timer = setTimeout(resolve, graceMs);
      drained = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  return {
    isStopping: () => stopping,
    stop: async (graceMs) => {
      if (stopping) return;
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await waitUntilDrained(graceMs);
      // Whoever is still in a handshake, or sends a request drop by drop, is not waited for.
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};
