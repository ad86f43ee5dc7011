import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { MosaicError, toProblem, type ErrorCode, type Problem } from '../../../domain/errors.ts';

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

/** Answers what is not HTTP, too large or too slow: as a problem document too, then the connection ends. */
export const answerClientError = (error: Error, socket: Duplex): void => {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, detail } = FAILURES[code] ?? {
    status: 400,
    detail: 'This is not a well-formed HTTP request.',
  };
  const problem: Problem = { ...toProblem(new MosaicError('invalid_request', { detail })), status };
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Bad Request'}`,
    `content-type: ${JSON_PROBLEM}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
};
