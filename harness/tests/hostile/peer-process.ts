import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PEER = fileURLToPath(new URL('peer.ts', import.meta.url));

/** What the hostile peer gives from now on. */
export interface PeerOrder {
  readonly list: 'good' | 'long-oid' | 'nulls' | 'long-number';
  readonly rows: 'good' | 'arrays';
}

export type PeerReport =
  | { readonly kind: 'listening'; readonly port: number; readonly fingerprint: string }
  | { readonly kind: 'ready' | 'served'; readonly served: number };

export interface HostilePeer {
  /** To enroll with; any token does. */
  readonly enrollmentUrl: string;
  give(order: Partial<PeerOrder>): Promise<void>;
  /** Answers since the last order. */
  served(): number;
  close(): Promise<void>;
}

const GOOD: PeerOrder = { list: 'good', rows: 'good' };

/** Starts it; it listens on loopback alone. */
export const startHostilePeer = async (): Promise<HostilePeer> => {
  const child = fork(PEER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let served = 0;
  let isReady = Promise.withResolvers<void>();
  const listening = Promise.withResolvers<{ port: number; fingerprint: string }>();
  child.once('exit', (code) => {
    listening.reject(new Error(`the hostile peer ended with ${code}`));
    isReady.resolve();
  });
  child.on('message', (report: PeerReport) => {
    if (report.kind === 'listening') listening.resolve(report);
    else served = report.served;
    if (report.kind === 'ready') isReady.resolve();
  });
  const { port, fingerprint } = await listening.promise;
  const token = 'A'.repeat(43);
  return {
    enrollmentUrl: `https://localhost:${port}/enrollment/v1#token=${token}&ca=sha256:${fingerprint}`,
    give: async (order) => {
      isReady = Promise.withResolvers();
      child.send({ ...GOOD, ...order });
      await isReady.promise;
    },
    served: () => served,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
};
