import type { Socket } from 'node:net';
import { addressBucket } from '../../services/redeem-limits.ts';
import type { HttpLimits } from './http-limits.ts';

type Limits = Pick<HttpLimits, 'maxStrangers' | 'maxPerAddress' | 'maxPerCertificate'>;
type End = Pick<Socket, 'remoteAddress' | 'remotePort'>;

export interface ConnectionBounds {
  /** A connection of somebody who has shown no certificate yet. May end it, or the oldest one of all strangers. */
  readonly opened: (socket: Socket) => void;
  /** Its client has shown a certificate that OpenSSL accepted. @returns false when that has too many connections */
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
 * out others who say nothing.
 */
export const createConnectionBounds = (limits: Limits): ConnectionBounds => {
  /** In the order they came. */
  const strangers = new Map<string, Socket>();
  const byAddress = new Map<string, Set<string>>();
  const byCertificate = new Map<string, Set<string>>();
  const certificateOf = new Map<string, string>();

  const forgetStranger = (end: string, address: string): void => {
    strangers.delete(end);
    takeFrom(byAddress, address, end);
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
        const certificate = certificateOf.get(end);
        if (certificate === undefined) return;
        certificateOf.delete(end);
        takeFrom(byCertificate, certificate, end);
      });
    },
    proven: (socket, certificate) => {
      const end = endOf(socket);
      forgetStranger(end, addressBucket(socket.remoteAddress ?? null));
      if ((byCertificate.get(certificate)?.size ?? 0) >= limits.maxPerCertificate) return false;
      addTo(byCertificate, certificate, end);
      certificateOf.set(end, certificate);
      return true;
    },
  };
};
