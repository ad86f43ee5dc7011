import type { Socket } from 'node:net';
import { addressBucket } from '../../../kernel/address-bucket.ts';
import type { HttpLimits } from '../http/http-limits.ts';

type Limits = Pick<HttpLimits, 'maxConnections' | 'maxStrangers' | 'maxPerAddress' | 'maxPerCertificate'>;
type End = Pick<Socket, 'remoteAddress' | 'remotePort'>;

export interface ConnectionBounds {
  /** A connection of somebody who has shown no certificate yet. May end it, or the oldest one of all strangers. */
  readonly opened: (socket: Socket) => void;
  /**
   * Its client has shown a certificate that OpenSSL accepted. May end the oldest connection of whoever has most.
   * @returns false when that certificate has too many connections
   */
  readonly proven: (socket: End, certificate: string) => boolean;
}

const endOf = ({ remoteAddress = '', remotePort = 0 }: End): string => `${remoteAddress} ${remotePort}`;

const addTo = <T>(groups: Map<string, Set<T>>, key: string, one: T): void => {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, new Set([one]));
  else group.add(one);
};

const takeFrom = <T>(groups: Map<string, Set<T>>, key: string, one: T): void => {
  const group = groups.get(key);
  group?.delete(one);
  if (group?.size === 0) groups.delete(key);
};

/**
 * Whose connections a TLS front keeps. Strangers, from however many addresses, never take the room of peers: they have a
 * share of their own, in which the oldest one gives way to the newest. So who opens connections and says nothing only pushes
 * out others who say nothing. Peers share what is left: when it is full, the certificate with the most connections loses its
 * oldest one, so that a peer with many certificates cannot keep the others out.
 */
export const createConnectionBounds = (limits: Limits): ConnectionBounds => {
  /** In the order they came. */
  const strangers = new Map<string, Socket>();
  const byAddress = new Map<string, Set<string>>();
  const byCertificate = new Map<string, Set<string>>();
  /** In the order they came. */
  const peers = new Map<string, { readonly certificate: string; readonly socket: Socket }>();
  const mostPeers = Math.max(1, limits.maxConnections - limits.maxStrangers);

  const forgetStranger = (end: string, address: string): void => {
    strangers.delete(end);
    takeFrom(byAddress, address, end);
  };

  const forgetPeer = (end: string): void => {
    const peer = peers.get(end);
    if (peer === undefined) return;
    peers.delete(end);
    takeFrom(byCertificate, peer.certificate, end);
  };

  const endOldestOfMost = (): void => {
    let most: Set<string> | null = null;
    for (const ends of byCertificate.values()) if (ends.size > (most?.size ?? 0)) most = ends;
    const [oldest] = most ?? [];
    if (oldest === undefined) return;
    const socket = peers.get(oldest)?.socket;
    forgetPeer(oldest);
    socket?.destroy();
  };

  return {
    opened: (socket) => {
      const end = endOf(socket);
      const address = addressBucket(socket.remoteAddress ?? null);
      if ((byAddress.get(address)?.size ?? 0) >= limits.maxPerAddress) {
        socket.destroy();
        return;
      }
      if (strangers.size >= limits.maxStrangers) {
        const [oldest] = strangers;
        if (oldest !== undefined) {
          const [oldEnd, oldSocket] = oldest;
          forgetStranger(oldEnd, addressBucket(oldSocket.remoteAddress ?? null));
          oldSocket.destroy();
        }
      }
      strangers.set(end, socket);
      addTo(byAddress, address, end);
      socket.once('close', () => {
        forgetStranger(end, address);
        forgetPeer(end);
      });
    },
    proven: (socket, certificate) => {
      const end = endOf(socket);
      const raw = strangers.get(end);
      forgetStranger(end, addressBucket(socket.remoteAddress ?? null));
      // It was ended meanwhile.
      if (raw === undefined) return false;
      if ((byCertificate.get(certificate)?.size ?? 0) >= limits.maxPerCertificate) return false;
      if (peers.size >= mostPeers) endOldestOfMost();
      addTo(byCertificate, certificate, end);
      peers.set(end, { certificate, socket: raw });
      return true;
    },
  };
};
