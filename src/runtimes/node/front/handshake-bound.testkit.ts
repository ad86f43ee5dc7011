import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a link does with what a client sends before the other side gets it. */
export type Sending = (from: Socket, to: Socket) => void;

/** A few octets at a time, each a segment of its own where the kernel lets it. */
export const dropwise =
  (octets: number): Sending =>
  (from, to) =>
    void from.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += octets) to.write(chunk.subarray(at, at + octets));
    });

const TURNS_BETWEEN = 10;

const later = (turns: number, then: () => void): void =>
  void setImmediate(() => (turns === 0 ? then() : later(turns - 1, then)));

/** The first message as it comes, and the rest together when there is so much of it; from `cut` on some turns of the loop later. */
export const gathered =
  (octets: number, cut = 0): Sending =>
  (from, to) => {
    const rest: Buffer[] = [];
    let length = 0;
    from.once('data', (hello: Buffer) => {
      to.write(hello);
      from.on('data', (chunk: Buffer) => {
        rest.push(chunk);
        length += chunk.length;
        if (length < octets) return;
        const all = Buffer.concat(rest.splice(0));
        if (cut > 0) to.write(all.subarray(0, cut));
        if (cut < all.length) later(cut === 0 ? 0 : TURNS_BETWEEN, () => to.write(all.subarray(cut)));
      });
    });
  };

/** The first messages as they come; what follows them waits until `count` clients have sent it, and goes on in one moment. */
export const together = (count: number): Sending => {
  const waiting: (() => void)[] = [];
  return (from, to) =>
    void from.once('data', (hello: Buffer) => {
      to.write(hello);
      from.once('data', (rest: Buffer) => {
        waiting.push(() => to.write(rest));
        if (waiting.length === count) for (const send of waiting) send();
      });
    });
};

/** So many octets, then an end of that kind. */
export const cutAfter =
  (octets: number, end: 'destroy' | 'end' | 'resetAndDestroy'): Sending =>
  (from, to) => {
    let left = octets;
    from.on('data', (chunk: Buffer) => {
      if (left <= 0) return;
      to.write(chunk.subarray(0, left), () => {
        if (left > 0) return;
        to[end]();
        from.destroy();
      });
      left -= chunk.length;
    });
  };

export interface Link {
  readonly port: number;
  close(): Promise<void>;
}

/** A link on loopback to a port. */
export const startLink = (port: number, sending: Sending): Promise<Link> =>
  new Promise((resolve) => {
    const server: Server = createServer({ noDelay: true }, (from) => {
      const to = connect({ host: '127.0.0.1', port, noDelay: true });
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      to.on('error', () => from.destroy()).on('close', () => from.destroy());
      to.pipe(from);
      sending(from, to);
    });
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () => new Promise((done) => server.close(() => done())),
      }),
    );
  });
