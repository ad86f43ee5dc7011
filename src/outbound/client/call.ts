import { SEEN_HEADER } from '../../../domain/audit/checkpoint.ts';
import { MosaicError, isErrorCode, type ErrorCode } from '../../../domain/errors.ts';
import { parseJson, PLAIN } from '../../../domain/json.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import type { PeerClient } from '../../app/deps.ts';
import { AnswerTooLarge, abortable, readText } from './body.ts';
import { EPOCH_HEADER } from '../../protocol/statement.ts';
import { refusedCertificate } from './refused-certificate.ts';
import { peerFailure, type PeerFailure, type PeerFailureCode } from './failure.ts';

export interface PeerCall {
  readonly client: PeerClient;
  readonly url: string;
  readonly traceparent: string;
  /** The deadline; a body that trickles in ends with it too. */
  readonly signal: AbortSignal;
  /** Longest answer accepted, in bytes after decompression. */
  readonly maxBytes: number;
  /** Told of the bytes of the answer, as they come. */
  readonly weigh?: (bytes: number) => void;
  /** A checkpoint of the peer's audit log that this side holds, to be shown. */
  readonly seen?: string | null;
  /** This side's clock, to tell a refusal for the time's sake; the system's when absent. */
  readonly now?: () => Date;
  /** JSON to POST; a GET when absent. */
  readonly body?: string;
  /** Told of the header of any answer over the verified connection, before its body is read. */
  readonly heard?: (headers: Headers) => void;
  /** The signed epoch to show the peer, and who is told of the one it answers with. */
  readonly epoch?: { readonly token: string | null; note(token: string | null): void };
}

const PROBLEM_BYTES = 64 * 1024;
const RETRY_AFTER_LIMIT = 86_400;
const TRANSPORT_CODES: readonly PeerFailureCode[] = [
  'peer_unreachable',
  'peer_timeout',
  'peer_protocol',
  'address_refused',
  'ca_pin_mismatch',
];

const isTransportCode = (code: ErrorCode): code is PeerFailureCode =>
  TRANSPORT_CODES.some((known) => known === code);

const fromThrown = (error: unknown, signal: AbortSignal): PeerFailure => {
  if (error instanceof AnswerTooLarge) {
    return peerFailure('peer_protocol', {
      message: 'The peer’s answer is too large.',
      tooLarge: true,
      cause: error,
    });
  }
  if (signal.aborted) return peerFailure('peer_timeout', { cause: error });
  if (error instanceof MosaicError && isTransportCode(error.code)) {
    const { message, remedy, reason } = error;
    return peerFailure(error.code, { message, remedy, reason, cause: error });
  }
  return peerFailure('peer_unreachable', { cause: error });
};

const isJson = (response: Response): boolean =>
  /^application\/(problem\+)?json\s*(;|$)/i.test(response.headers.get('content-type') ?? '');

const parse = (text: string): unknown => {
  const json = parseJson(text, PLAIN);
  return json.ok ? json.value : undefined;
};

const codeOf = (problem: unknown): ErrorCode | null => {
  const code = typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : null;
  return isErrorCode(code) ? code : null;
};

const statementOf = (problem: unknown): string | null => {
  const statement =
    typeof problem === 'object' && problem !== null && 'statement' in problem ? problem.statement : null;
  return typeof statement === 'string' ? statement : null;
};

const retryAfter = (response: Response): number | null => {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isInteger(seconds) && seconds >= 0 ? Math.min(seconds, RETRY_AFTER_LIMIT) : null;
};

const detailOf = (problem: unknown): string | null => {
  const detail =
    typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : null;
  return typeof detail === 'string' ? detail : null;
};

/** What is known here of why the peer does not take the certificate. */
const explain = (call: PeerCall, response: Response, problem: unknown) =>
  refusedCertificate({
    said: detailOf(problem),
    date: response.headers.get('date'),
    notAfter: call.client.certificateNotAfter ?? null,
    now: call.now?.() ?? new Date(),
  });

const fromStatus = async (response: Response, call: PeerCall): Promise<PeerFailure> => {
  const { status } = response;
  const text = isJson(response) ? await readText(response, PROBLEM_BYTES, call.signal) : null;
  if (text === null) await response.body?.cancel();
  const problem = text === null ? null : parse(text);
  const peerCode = codeOf(problem);
  const parts = {
    ...(peerCode === null ? {} : { peerCode }),
    retryAfterSeconds: retryAfter(response),
    statement: statementOf(problem),
  };
  const answered = peerCode === null ? `HTTP ${status}` : peerCode;
  // A failing server or proxy decides nothing about the grant.
  if (status >= 500)
    return peerFailure('peer_unreachable', { ...parts, message: `The peer failed: ${answered}.` });
  if (peerCode !== null && status >= 400) {
    const refused = `The peer refused the request: ${peerCode}.`;
    if (peerCode !== 'certificate_untrusted')
      return peerFailure('peer_refused', { ...parts, message: refused });
    const { message, remedy } = explain(call, response, problem);
    return peerFailure('peer_refused', { ...parts, message: `${refused} ${message}`.trimEnd(), remedy });
  }
  return peerFailure('peer_protocol', {
    ...parts,
    message: `The peer gave an answer that is not understood: ${answered}.`,
  });
};

const epochField = ({ epoch }: PeerCall): Readonly<Record<string, string>> =>
  epoch === undefined || epoch.token === null ? {} : { [EPOCH_HEADER]: epoch.token };

/**
 * One request to one peer, and its answer read strictly. Total: everything that can go wrong on the way or in
 * the answer comes back as a `PeerFailure`.
 * @param read makes the value of the parsed JSON, or null when the JSON is not acceptable
 */
export const callPeer = async <T>(
  call: PeerCall,
  read: (json: unknown) => T | null,
): Promise<Result<T, PeerFailure>> => {
  const { client, signal } = call;
  try {
    const response = await abortable(
      signal,
      client.fetch(call.url, {
        method: call.body === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json',
          traceparent: call.traceparent,
          ...(typeof call.seen === 'string' ? { [SEEN_HEADER]: call.seen } : {}),
          ...epochField(call),
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(call.body === undefined ? {} : { body: call.body }),
        redirect: 'manual',
        signal,
      }),
    );
    call.heard?.(response.headers);
    if (response.status < 200 || response.status > 299) return err(await fromStatus(response, call));
    if (!isJson(response)) {
      await response.body?.cancel();
      return err(peerFailure('peer_protocol', { message: 'The peer’s answer is not JSON.' }));
    }
    call.epoch?.note(response.headers.get(EPOCH_HEADER));
    const json = parse(await readText(response, call.maxBytes, signal, call.weigh));
    const value = json === undefined ? null : read(json);
    return value === null ? err(peerFailure('peer_protocol')) : ok(value);
  } catch (error) {
    return err(fromThrown(error, signal));
  }
};
