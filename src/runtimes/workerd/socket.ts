import { connect, type RawSocket } from 'cloudflare:sockets';
import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';

/**
 * What the runtime says of a connection that breaks has no code, by which everybody else knows that the database is away and not at
 * fault (db/driver/errors.ts).
 */
const asBroken = (error: unknown): Error =>
  error instanceof Error && 'code' in error
    ? error
    : Object.assign(new Error('the connection broke', { cause: error }), { code: 'ECONNRESET' });

/**
 * A connection as postgres.js wants one, over the runtime's own sockets. The library has one of its own, which it reads on after it was
 * ended: that fails where nobody listens any more, and is an unhandled rejection for each request (FAULTS F-79). Its TLS takes this one
 * over by the fields below.
 */
export class WorkerSocket extends EventEmitter {
  readyState = 'opening';
  readonly host: string;
  raw: RawSocket;
  writer: WritableStreamDefaultWriter<Uint8Array>;
  reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(host: string, port: number, isTls: boolean) {
    super();
    this.host = host;
    this.raw = connect({ hostname: host, port }, { secureTransport: isTls ? 'starttls' : 'off' });
    this.writer = this.raw.writable.getWriter();
    this.reader = this.raw.readable.getReader();
    this.raw.closed.then(
      () => this.#onRawClosed(),
      (error: unknown) => this.#fail(error),
    );
  }

  #onRawClosed(): void {
    if (this.readyState !== 'upgrade') return this.#close();
    this.readyState = 'open';
    this.emit('secureConnect');
  }

  #close(): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.emit('close');
  }

  /** Whoever ended the connection listens no more, and wants to hear nothing. */
  #fail(error: unknown): void {
    if (this.readyState === 'closed') return;
    if (this.listenerCount('error') > 0) this.emit('error', asBroken(error));
    this.#close();
  }

  async read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.reader.read();
        if (done) return;
        this.emit('data', Buffer.from(value));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The server's one word about TLS: what comes after it is not ours to read. */
  async readFirst(): Promise<void> {
    try {
      const { value } = await this.reader.read();
      if (value !== undefined) this.emit('data', Buffer.from(value));
    } catch (error) {
      this.#fail(error);
    }
  }

  write(data: Uint8Array, written?: () => void): boolean {
    this.writer.write(data).then(
      () => written?.(),
      (error: unknown) => this.#fail(error),
    );
    return true;
  }

  end(data?: Uint8Array): void {
    const close = (): void => {
      this.raw.close().catch(() => undefined);
    };
    if (data === undefined) close();
    else this.write(data, close);
  }

  destroy(): void {
    this.end();
  }
}

/** Opens one. @throws what the runtime says of a connection that does not come about */
export const openSocket = async (host: string, port: number, isTls: boolean): Promise<WorkerSocket> => {
  const socket = new WorkerSocket(host, port, isTls);
  try {
    await socket.raw.opened;
  } catch (error) {
    throw asBroken(error);
  }
  socket.readyState = 'open';
  void (isTls ? socket.readFirst() : socket.read());
  return socket;
};
