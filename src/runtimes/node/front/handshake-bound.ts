import { constants } from 'node:crypto';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { Duplex } from 'node:stream';
import { DEFAULT_CIPHERS, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { MosaicError } from '../../../../domain/errors.ts';
import { FREE, type HandshakeAccount } from './handshake-budget.ts';

interface Bound {
  /** Bytes that the other side may send until a TLS handshake is done. */
  readonly most: number;
  /** Given to OpenSSL at once. Node passes more on in several calls, between which nothing of ours can step in. */
  readonly atOnce: number;
}

/**
 * With P-256 a peer of ours sends 2 to 3 kB. With RSA of 4,096 bits a client and its intermediate send less than 6 kB, a server with
 * its root less than 8 kB.
 */
const OF_CLIENT: Bound = { most: 8 * 1024, atOnce: 8 * 1024 };
const OF_SERVER: Bound = { most: 12 * 1024, atOnce: 4 * 1024 };
const TOO_MUCH = 'The other side sent too much in its TLS handshake.';
/** As undici has it; a socket that is no native one leaves it to us. */
const KEEP_ALIVE_DELAY_MS = 60_000;

type Done = (error?: Error | null) => void;

interface Part {
  readonly chunk: Uint8Array;
  readonly encoding: BufferEncoding;
}

/** The connection whose bytes OpenSSL was given last: what it tells in the same call is about that one. */
let lastGiven: BoundedHandshake | null = null;

const rememberGiven = (bounded: BoundedHandshake): void => {
  lastGiven = bounded;
};

/**
 * A connection to do a TLS handshake over, which ends when the other side sends too much before that is done.
 *
 * OpenSSL takes 100 kB of certificates and verifies every signature among them on the loop, whether or not they lead to an
 * authority that anybody trusts: made to be dear, one chain takes 400 ms, of a stranger too. Node can bound neither its bytes
 * nor its depth. So the bytes are counted here, before OpenSSL has them. It looks at no certificate before it has the whole
 * message, so that of a chain beyond the bound nothing is verified.
 */
export class BoundedHandshake extends Duplex {
  readonly raw: Socket;
  readonly account: HandshakeAccount;
  readonly #atOnce: number;
  #left: number;
  #isDone = false;
  /** Gives up waiting for a turn. */
  #takeBack = (): void => undefined;
  /** Came, and is not given to OpenSSL yet. */
  #held: Uint8Array[] = [];
  #isWaiting = false;
  #isOver = false;

  constructor(raw: Socket, { most, atOnce }: Bound, account: HandshakeAccount = FREE) {
    super({ allowHalfOpen: raw.allowHalfOpen });
    this.raw = raw;
    this.account = account;
    this.#left = most;
    this.#atOnce = atOnce;
    // Whoever listens for bytes makes them flow, unless they were stopped before.
    this.pause();
    raw.pause();
    raw.on('data', (chunk: Uint8Array) => this.#take(chunk));
    raw.on('end', () => {
      this.#isOver = true;
      if (this.#held.length === 0) this.push(null);
    });
    raw.on('error', (error) => this.destroy(error));
    raw.on('close', () => this.destroy());
  }

  /** Whoever is told of bytes is OpenSSL: it works within this call. */
  override emit(...told: Parameters<Duplex['emit']>): boolean {
    if (told[0] !== 'data' || this.#isDone) return super.emit(...told);
    rememberGiven(this);
    this.account.begin();
    try {
      return super.emit(...told);
    } finally {
      this.account.end();
    }
  }

  /** The handshake is done: nothing is counted from here on. */
  release(): void {
    this.#isDone = true;
    this.account.end();
    lastGiven = null;
  }

  #take(chunk: Uint8Array): void {
    if (this.#isDone && this.#held.length === 0) {
      if (!this.push(chunk)) this.raw.pause();
      return;
    }
    this.#held.push(chunk);
    // Who waits for long sends no more meanwhile than the kernel keeps.
    if (this.#isWaiting && this.#heldOctets() >= this.#atOnce) this.raw.pause();
    this.#give();
  }

  #heldOctets(): number {
    return this.#held.reduce((octets, { length }) => octets + length, 0);
  }

  /**
   * One piece a turn of the loop. OpenSSL leaves its verdict on a certificate where Node takes it for a failure of the connection,
   * when what it was given ends between the certificate and the end of the handshake. Such a socket is closed after the present turn.
   * Bytes that reach it before, an ended handshake's first request among them, make Node throw, out of reach of any handler.
   */
  #give(): void {
    if (this.destroyed || this.#isWaiting || this.readableLength > 0) return;
    if (this.#held.length === 0) {
      if (this.#isOver) this.push(null);
      return;
    }
    if (!this.#isDone && this.#left === 0) {
      this.destroy(new MosaicError('peer_protocol', { detail: TOO_MUCH }));
      return;
    }
    this.#isWaiting = true;
    if (this.#isDone) this.#givePiece();
    else this.#takeBack = this.account.turn(() => this.#givePiece());
  }

  #givePiece(): void {
    const chunk = this.#held.shift();
    if (this.destroyed || chunk === undefined) return;
    const piece = this.#isDone ? chunk : chunk.subarray(0, Math.min(this.#left, this.#atOnce));
    this.#left -= piece.length;
    if (piece.length < chunk.length) this.#held.unshift(chunk.subarray(piece.length));
    setImmediate(() => {
      this.#isWaiting = false;
      this.#give();
    });
    try {
      if (!this.push(piece)) this.raw.pause();
    } catch (error) {
      // Should Node throw all the same, it is the end of one connection and not of the gateway.
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _read(): void {
    this.raw.resume();
    // Not from here: what is given within a `_read` is taken after it.
    if (this.#held.length > 0 && !this.#isWaiting) setImmediate(() => this.#give());
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
    if (lastGiven === this) lastGiven = null;
    this.#takeBack();
    this.#held = [];
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

/**
 * An accepted connection, for the server to begin its handshake over.
 * @param account all that OpenSSL does for a stranger takes a turn: hundreds may send the end of their handshakes in the same moment
 */
export const acceptBounded = (raw: Socket, account: HandshakeAccount): Duplex => {
  raw.setNoDelay(true);
  return new BoundedHandshake(raw, OF_CLIENT, account);
};

/**
 * To be called first when a server's handshake over `acceptBounded` is done, before anybody asks for the client's address:
 * `node:https` makes the TLS socket itself and tells nobody over what.
 * @returns the account that it was given
 */
export const acceptedBounded = (socket: TLSSocket): HandshakeAccount => {
  if (lastGiven === null) {
    socket.destroy();
    return FREE;
  }
  const { account } = lastGiven;
  conclude(socket, lastGiven);
  return account;
};

/** Whether a handshake failed because of what is counted here. */
export const isTooMuch = (error: Error): boolean => error instanceof MosaicError;

/**
 * How a client of ours speaks TLS: a server chooses nothing that is dear, and brings no second chain later. In TLS 1.2 a server names
 * the prime of a Diffie-Hellman exchange, and one of 10,000 bits takes 0.9 s; elliptic curves and the groups of TLS 1.3 are known ones.
 */
export const CLIENT_TLS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: `${DEFAULT_CIPHERS}:!kDHE`,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
};

/** For a client: a connection that `node:tls` is given as its `socket`, and what to call when the handshake is done. */
export const connectBounded = (
  options: TcpNetConnectOpts,
): { readonly stream: BoundedHandshake; readonly secured: (socket: TLSSocket) => void } => {
  const keptAlive = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS };
  const stream = new BoundedHandshake(connect({ ...keptAlive, ...options }), OF_SERVER);
  return { stream, secured: (socket) => conclude(socket, stream) };
};
