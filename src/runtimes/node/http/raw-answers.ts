import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { MosaicError, toProblem, type ErrorCode, type Problem } from '../../../../domain/errors.ts';

const JSON_PROBLEM = 'application/problem+json';

/** Answers a problem document where no handler runs: the front's own refusals. @returns its bytes */
export const writeProblem = (outgoing: ServerResponse, error: MosaicError): number => {
  const body = JSON.stringify(toProblem(error));
  const bytes = Buffer.byteLength(body);
  outgoing.writeHead(error.status, {
    'content-type': JSON_PROBLEM,
    'content-length': bytes,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  outgoing.end(body);
  return bytes;
};

/** A problem as a web `Response`, for what is wrong before an app is reached. */
export const problemResponse = (code: ErrorCode, detail?: string): Response => {
  const error = new MosaicError(code, detail === undefined ? {} : { detail });
  return new Response(JSON.stringify(toProblem(error)), {
    status: error.status,
    headers: { 'content-type': JSON_PROBLEM, 'cache-control': 'no-store' },
  });
};

interface ParseFailure {
  readonly status: number;
  readonly detail: string;
}

const FAILURES: Readonly<Record<string, ParseFailure>> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'The header is too large.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: 'The chunk extensions are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The request did not arrive in time.' },
};

const bodyOf = ({ status, detail }: ParseFailure): string => {
  const problem: Problem = { ...toProblem(new MosaicError('invalid_request', { detail })), status };
  return JSON.stringify(problem);
};

const endWithProblem = (socket: Duplex, failure: ParseFailure): void => {
  const { status } = failure;
  const body = bodyOf(failure);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Bad Request'}`,
    `content-type: ${JSON_PROBLEM}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
};

/** Answers what is not HTTP, too large or too slow: as a problem document too, then the connection ends. */
export const answerClientError = (error: Error, socket: Duplex): void => {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  endWithProblem(
    socket,
    FAILURES[code] ?? { status: 400, detail: 'This is not a well-formed HTTP request.' },
  );
};

const answer = (outgoing: ServerResponse, failure: ParseFailure): void => {
  const body = bodyOf(failure);
  outgoing.writeHead(failure.status, {
    'content-type': JSON_PROBLEM,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  outgoing.end(body);
};

/**
 * Answers what Node would answer with an empty body, or by closing the connection without a word (FAULTS F-57): an expectation that
 * nobody knows, and CONNECT.
 */
export const answerOddRequests = (server: Server): void => {
  server.on('checkExpectation', (_incoming: IncomingMessage, outgoing: ServerResponse) =>
    answer(outgoing, { status: 417, detail: 'This server supports only the expectation 100-continue.' }),
  );
  server.on('connect', (_incoming: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    endWithProblem(socket, {
      status: 405,
      detail: 'This server is not a proxy and does not support CONNECT.',
    });
  });
};

/**
 * A request of HTTP/1.1 names one host, which Node leaves to us, since its own refusal has no body; one of HTTP/1.0, as simple
 * probes send, need not (RFC 9112, section 3.2).
 *
 * @returns whether it was answered
 */
export const refusesHost = (incoming: IncomingMessage, outgoing: ServerResponse): boolean => {
  const hosts = incoming.headersDistinct['host']?.length ?? 0;
  if (hosts === 0 && incoming.httpVersion === '1.0') {
    incoming.headers.host = 'gateway';
    return false;
  }
  if (hosts === 1) return false;
  answer(outgoing, { status: 400, detail: 'A request must have exactly one Host header.' });
  return true;
};
