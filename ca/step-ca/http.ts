import { MosaicError } from '../../domain/errors.ts';
import { parseJson } from '../../domain/json.ts';

export interface CaCall {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

/** One call that trusts the CA's pinned root only and follows no redirect; a runtime brings it. `fetch` fits. */
export type CaFetch = (
  url: string,
  call: CaCall,
) => Promise<{ readonly status: number; readonly body: AsyncIterable<Uint8Array> | null }>;

export interface CaEndpoint {
  /** Base, `https://host:port`. */
  readonly url: string;
  readonly fetch: CaFetch;
  readonly timeoutMs: number;
}

export interface CaAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Of a revocation list. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** Of what is JSON: a chain of four certificates, each once as PEM and once taken apart. */
const JSON_BOUNDS = { depth: 16, parts: 4_096, length: 256 * 1024 } as const;

export const caUnavailable = (detail: string, cause?: unknown): MosaicError =>
  new MosaicError('ca_unavailable', { detail, cause: cause ?? new Error(detail) });

const readCapped = async (body: AsyncIterable<Uint8Array> | null): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  // Leaving early ends the connection.
  for await (const part of body ?? []) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw caUnavailable('The authority’s answer is too large.');
    parts.push(part);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

/**
 * One bounded call. Whether a request that broke off was carried out can't be known, so the caller treats it as not done
 * and never uses what it did not see.
 * @throws MosaicError `ca_unavailable` when the CA can't be reached in time
 */
export const callCa = async (endpoint: CaEndpoint, path: string, body?: unknown): Promise<CaAnswer> => {
  try {
    const response = await endpoint.fetch(`${endpoint.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(endpoint.timeoutMs),
    });
    return { status: response.status, body: await readCapped(response.body) };
  } catch (error) {
    if (error instanceof MosaicError) throw error;
    throw caUnavailable('step-ca could not be reached in time.', error);
  }
};

/** The CA's own message: for the cause (logs), never for an answer. */
export const caMessage = ({ body, status }: CaAnswer): Error => {
  const text = new TextDecoder().decode(body.subarray(0, 2_000));
  return new Error(`step-ca answered ${status}: ${text}`);
};

export const caJson = (answer: CaAnswer): unknown => {
  const { body } = answer;
  const json =
    body.length > JSON_BOUNDS.length ? null : parseJson(new TextDecoder().decode(body), JSON_BOUNDS);
  if (json?.ok !== true) throw caUnavailable('step-ca gave an answer that is not JSON.');
  return json.value;
};

/** @throws MosaicError `ca_unavailable` */
export const assertHealthy = async (endpoint: CaEndpoint): Promise<void> => {
  const answer = await callCa(endpoint, '/health');
  if (answer.status !== 200) throw caUnavailable('step-ca is not healthy.', caMessage(answer));
};
