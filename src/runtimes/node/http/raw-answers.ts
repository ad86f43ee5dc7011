import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { MosaicError, toProblem } from '../../../../domain/errors.ts';
import type { Log } from '../../../../domain/ports/basics.ts';
import { requestTraceId } from '../../../../domain/telemetry/traceparent.ts';
import { createRequestLog, TRACE_ID_HEADER } from '../../../../routes/middleware/request-log.ts';

const HEADERS = {
  'content-type': 'application/problem+json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

/** What is wrong with a request that no handler sees. */
interface Failure {
  readonly status: number;
  readonly detail: string;
}

const PARSE_FAILURES: Readonly<Record<string, Failure>> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'The header is too large.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: 'The chunk extensions are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The request did not arrive in time.' },
};
const NOT_HTTP: Failure = { status: 400, detail: 'This is not a well-formed HTTP request.' };

/** Answers of a listener to what reaches no app. Each has a trace id that stands in the log, as the answers of the apps do. */
export interface RawAnswers {
  /** Ends an answer with a problem document. @returns its bytes and its trace id */
  readonly refuse: (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    error: MosaicError,
  ) => { readonly bytes: number; readonly traceId: string };
  /** For what node-server cannot even turn into a `Request`. */
  readonly unreadable: (error: unknown) => Response;
  /** For what is not HTTP, too large or too slow; then the connection ends. */
  readonly clientError: (error: Error, socket: Duplex) => void;
  /**
   * A request of HTTP/1.1 names one host, which Node leaves to us, since its own refusal has no body; one of HTTP/1.0, as simple
   * probes send, need not (RFC 9112, section 3.2).
   *
   * @returns whether it was answered
   */
  readonly refusesHost: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;
  /**
   * Answers what Node would answer with an empty body, or by closing the connection without a word (FAULTS F-57): an expectation
   * that nobody knows, and CONNECT.
   */
  readonly answerOddRequests: (server: Server) => void;
}

const textOf = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

const newTraceId = (): string => crypto.randomUUID().replaceAll('-', '');

/** The id of a request whose header was read. */
const traceIdFor = ({ headers }: IncomingMessage): string =>
  requestTraceId(textOf(headers.traceparent), textOf(headers[TRACE_ID_HEADER])) ?? newTraceId();

interface Problem {
  readonly body: string;
  readonly traceId: string;
}

/** @param surface what the listener is for, in the log */
export const createRawAnswers = (log: Log, surface: string): RawAnswers => {
  const requests = createRequestLog({ log, surface, newTraceId });

  const problemOf = (error: MosaicError, id: string, status = error.status): Problem => {
    const traceId = requests.refused(error, id, status);
    return { body: JSON.stringify({ ...toProblem(error, traceId), status }), traceId };
  };
  const failed = ({ status, detail }: Failure, id: string): Problem =>
    problemOf(new MosaicError('invalid_request', { detail }), id, status);

  const refuse: RawAnswers['refuse'] = (incoming, outgoing, error) => {
    const { body, traceId } = problemOf(error, traceIdFor(incoming));
    const bytes = Buffer.byteLength(body);
    outgoing.writeHead(error.status, { ...HEADERS, 'content-length': bytes });
    outgoing.end(body);
    return { bytes, traceId };
  };

  const answer = (incoming: IncomingMessage, outgoing: ServerResponse, failure: Failure): void => {
    const { body } = failed(failure, traceIdFor(incoming));
    outgoing.writeHead(failure.status, {
      ...HEADERS,
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    });
    outgoing.end(body);
  };

  const endWithProblem = (socket: Duplex, failure: Failure, id: string): void => {
    const { body } = failed(failure, id);
    const head = [
      `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? 'Bad Request'}`,
      ...Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  };

  return {
    refuse,
    unreadable: (thrown) => {
      const error =
        thrown instanceof Error && thrown.name === 'RequestError'
          ? new MosaicError('invalid_request', {
              detail: 'The address or the Host header is not well formed.',
            })
          : new MosaicError('internal', { cause: thrown });
      const { body } = problemOf(error, newTraceId());
      return new Response(body, { status: error.status, headers: HEADERS });
    },
    clientError: (error, socket) => {
      const code = 'code' in error ? String(error.code) : '';
      if (code === 'ECONNRESET' || !socket.writable) {
        socket.destroy();
        return;
      }
      endWithProblem(socket, PARSE_FAILURES[code] ?? NOT_HTTP, newTraceId());
    },
    refusesHost: (incoming, outgoing) => {
      const hosts = incoming.headersDistinct['host']?.length ?? 0;
      if (hosts === 0 && incoming.httpVersion === '1.0') {
        incoming.headers.host = 'gateway';
        return false;
      }
      if (hosts === 1) return false;
      answer(incoming, outgoing, {
        status: 400,
        detail: 'A request must have exactly one Host header.',
      });
      return true;
    },
    answerOddRequests: (server) => {
      server.on('checkExpectation', (incoming: IncomingMessage, outgoing: ServerResponse) =>
        answer(incoming, outgoing, {
          status: 417,
          detail: 'This server supports only the expectation 100-continue.',
        }),
      );
      server.on('connect', (incoming: IncomingMessage, socket: Duplex) => {
        socket.on('error', () => socket.destroy());
        const detail = 'This server is not a proxy and does not support CONNECT.';
        endWithProblem(socket, { status: 405, detail }, traceIdFor(incoming));
      });
    },
  };
};
