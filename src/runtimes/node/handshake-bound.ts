import { AsyncLocalStorage } from 'node:async_hooks';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { MosaicError } from '../../../domain/errors.ts';

/**
 * Most bytes that the other side may send until a TLS handshake is done. What a gateway of ours presents, root and intermediates
 * with it, has 2 to 3 kB with P-256 and less than 8 kB with RSA of 4,096 bits.
 */
const MAX_HANDSHAKE_BYTES = 12 * 1024;
const TOO_MUCH = 'The other side sent too much in its TLS handshake.';
/** Until a record that was not taken at once is looked for again, in milliseconds. */
const RETRY_MS = 2;

type Done = (error?: Error | null) => void;

interface Part {
  readonly chunk: Uint8Array;
  readonly encoding: BufferEncoding;
}

/** Type, version and length (RFC 8446 section 5.1). */
const RECORD_HEADER_BYTES = 5;
const LENGTH_AT = 3;

/** Finds where TLS records end in a stream of them. */
const createRecords = (): { readonly next: (bytes: Uint8Array) => number } => {
  let length = 0;
  let inHeader = 0;
  let left = 0;
  return {
    /** @returns how many of these bytes, at least one, belong to the record that they begin with or go on with */
    next: (bytes) => {
      let at = 0;
      while (inHeader < RECORD_HEADER_BYTES && at < bytes.length) {
        if (inHeader >= LENGTH_AT) length = (length << 8) | (bytes[at] ?? 0);
        inHeader += 1;
        at += 1;
        if (inHeader === RECORD_HEADER_BYTES) left = length;
      }
      const taken = Math.min(left, bytes.length - at);
      left -= taken;
      if (inHeader === RECORD_HEADER_BYTES && left === 0) {
        inHeader = 0;
        length = 0;
      }
      return at + taken;
    },
  };
};

/**
 * A connection to do a TLS handshake over, which ends when the other side sends too much before that is done.
 *
 * OpenSSL takes 100 kB of certificates and verifies every signature among them on the loop, whether or not they lead to an
 * authority that anybody trusts: made to be dear, one chain takes 400 ms, of a stranger too. Node can bound neither its bytes
 * nor its depth. So the bytes are counted here, before OpenSSL has them. What follows the handshake may come together with
 * its end, in a record of its own: until it is done OpenSSL is given one record after the other.
 */
export class BoundedHandshake extends Duplex {
  readonly raw: Socket;
  readonly #records = createRecords();
  #left = MAX_HANDSHAKE_BYTES;
  #isDone = false;
  /** Not given to OpenSSL yet. */
  #held: Uint8Array[] = [];
  #isOver = false;

  constructor(raw: Socket) {
    super({ allowHalfOpen: raw.allowHalfOpen });
    this.raw = raw;
    raw.on('data', (chunk: Uint8Array) => {
      this.#held.push(chunk);
      this.#give();
    });
    raw.on('end', () => {
      this.#isOver = true;
      this.#give();
    });
    raw.on('error', (error) => this.destroy(error));
    raw.on('close', () => this.destroy());
  }

  /** The handshake is done: nothing is counted from here on. */
  release(): void {
    this.#isDone = true;
  }

  /** The next piece, within a record as long as bytes are counted; null when they are too many. */
  #piece(chunk: Uint8Array): Uint8Array | null {
    if (this.#isDone) return chunk;
    const piece = chunk.subarray(0, this.#records.next(chunk));
    this.#left -= piece.byteLength;
    return this.#left < 0 ? null : piece;
  }

  /** Gives on what there is, for as long as it is taken at once. */
  #give(): void {
    if (this.destroyed) return;
    for (let chunk = this.#held.shift(); chunk !== undefined; chunk = this.#held.shift()) {
      // Whether the record before ended the handshake shows when it was taken.
      if (!this.#isDone && this.readableLength > 0) {
        this.#held.unshift(chunk);
        setTimeout(() => this.#give(), RETRY_MS);
        break;
      }
      const piece = this.#piece(chunk);
      if (piece === null) {
        this.destroy(new MosaicError('peer_protocol', { detail: TOO_MUCH }));
        return;
      }
      if (piece.byteLength < chunk.byteLength) this.#held.unshift(chunk.subarray(piece.byteLength));
      if (!this.push(piece)) break;
    }
    if (this.#held.length > 0 || this.readableLength > 0) this.raw.pause();
    else if (this.#isOver) this.push(null);
  }

  override _read(): void {
    if (this.#held.length > 0 || this.#isOver) setImmediate(() => this.#give());
    else this.raw.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.raw.write(chunk, done);
  }

  override _writev(parts: readonly Part[], done: Done): void {
    this.raw.cork();
    for (const [index, { chunk }] of parts.entries())
      if (index + 1 < parts.length) this.raw.write(chunk);
      else this.raw.write(chunk, done);
    this.raw.uncork();
  }

  override _final(done: Done): void {
    this.raw.end(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.raw.destroy();
    done(error);
  }
}

/** The handshake of a connection is done: its bytes are counted no more, and it tells what `node:net` knows of it. */
const conclude = (socket: TLSSocket, bounded: BoundedHandshake): void => {
  bounded.release();
  const { raw } = bounded;
  const { remoteAddress, remotePort, remoteFamily } = raw;
  // Node asks native handles alone for these.
  Object.defineProperties(socket, {
    remoteAddress: { value: remoteAddress },
    remotePort: { value: remotePort },
    remoteFamily: { value: remoteFamily },
    ref: { value: () => (raw.ref(), socket) },
    unref: { value: () => (raw.unref(), socket) },
  });
};

/** For a client: a connection that `node:tls` is given as its `socket`, and what to call when the handshake is done. */
export const connectBounded = (
  options: TcpNetConnectOpts,
): { readonly stream: BoundedHandshake; readonly secured: (socket: TLSSocket) => void } => {
  const stream = new BoundedHandshake(connect(options));
  return { stream, secured: (socket) => conclude(socket, stream) };
};

/** Which connection a handshake of a server belongs to: `node:https` makes the TLS socket itself and tells nobody on what. */
const underWay = new AsyncLocalStorage<BoundedHandshake>();

/** Calls what begins the handshake of an accepted connection, with that connection. */
export const acceptBounded = (raw: Socket, begin: (stream: Duplex) => void): void => {
  const stream = new BoundedHandshake(raw);
  underWay.run(stream, begin, stream);
};

/** To be called first when a handshake begun by `acceptBounded` is done, before anybody asks for the client's address. */
export const acceptedBounded = (socket: TLSSocket): void => {
  const stream = underWay.getStore();
  if (stream === undefined) socket.destroy();
  else conclude(socket, stream);
};
