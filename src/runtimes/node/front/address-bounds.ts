import type { Socket } from 'node:net';
import { addressBucket } from '../../../kernel/address-bucket.ts';
import type { HttpLimits } from '../http/http-limits.ts';

/** 127.0.0.0/8, ::1, and what has no address: this machine's own programs, a proxy of everybody's among them. */
const OWN = /^(?:127\.|::1$|::ffff:127\.)/;
const isOwn = (address: string | undefined): boolean => address === undefined || OWN.test(address);

/**
 * Bounds the connections to a listener on which nobody shows a certificate. An address (IPv6: its /64) has so many, and one more is
 * closed; this machine's own programs are not bounded so, because a proxy among them has the connections of everybody. When the listener
 * is full, whoever has most loses its oldest connection, so that nobody keeps the others out.
 *
 * @returns what is told of each new connection, and may end it or another one
 */
export const createAddressBounds = ({
  maxConnections,
  maxPerAddress,
}: Pick<HttpLimits, 'maxConnections' | 'maxPerAddress'>): ((socket: Socket) => void) => {
  /** In each, in the order they came. */
  const byAddress = new Map<string, Set<Socket>>();
  let count = 0;

  const forget = (address: string, socket: Socket): void => {
    const group = byAddress.get(address);
    if (group?.delete(socket) !== true) return;
    count -= 1;
    if (group.size === 0) byAddress.delete(address);
  };

  const endOldestOfMost = (): void => {
    let most: readonly [string, ReadonlySet<Socket>] | null = null;
    for (const one of byAddress) if (one[1].size > (most?.[1].size ?? 0)) most = one;
    const [oldest] = most?.[1] ?? [];
    if (most === null || oldest === undefined) return;
    forget(most[0], oldest);
    oldest.destroy();
  };

  return (socket) => {
    const address = addressBucket(socket.remoteAddress ?? null);
    const group = byAddress.get(address) ?? new Set();
    if (group.size >= maxPerAddress && !isOwn(socket.remoteAddress)) {
      socket.destroy();
      return;
    }
    if (count >= maxConnections) endOldestOfMost();
    // The last of that address may just have gone, and its group with it.
    byAddress.set(address, group);
    group.add(socket);
    count += 1;
    socket.once('close', () => forget(address, socket));
  };
};
