import { fromBase64Url, toBase64Url } from '../../domain/bytes.ts';
import { parseJson } from '../../domain/json.ts';
import type { PublicJwk, StatementKey } from '../app/deps.ts';

/*
 * What a serving gateway signs about revocations, with a key of its own that the asking gateway pinned when it
 * enrolled: so a proxy's page, or an answer that was put together on the way, revokes nothing (SPEC M6-7, ABUSE 56).
 */

/** That a grant was revoked; once and for all, so it may be shown again at any time. */
export interface RevocationStatement {
  readonly grant_id: string;
  /** Serial of the certificate that was presented, lower-case hexadecimal. */
  readonly certificate_serial: string;
  /** RFC 3339. */
  readonly revoked_at: string;
}

const COORDINATE = /^[A-Za-z0-9_-]{43}$/;
const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const ES256 = { name: 'ECDSA', hash: 'SHA-256' } as const;
const encoder = new TextEncoder();

/** The members of a P-256 key and nothing else, or null. */
export const readPublicJwk = (value: unknown): PublicJwk | null => {
  if (typeof value !== 'object' || value === null) return null;
  const { kty, crv, x, y } = value as Record<string, unknown>;
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string') return null;
  return COORDINATE.test(x) && COORDINATE.test(y) ? { kty, crv, x, y } : null;
};

/** Whether `signature` (64 bytes) over `text` is of that key. Total. */
const isSignedBy = async (key: PublicJwk, text: string, signature: Uint8Array | null): Promise<boolean> => {
  if (signature?.length !== 64) return false;
  const { subtle } = globalThis.crypto;
  try {
    const publicKey = await subtle.importKey('jwk', { ...key }, P256, false, ['verify']);
    return await subtle.verify(ES256, publicKey, new Uint8Array(signature), encoder.encode(text));
  } catch {
    return false;
  }
};

/** One algorithm, one type: the header of every statement is this very text. */
const HEADER = toBase64Url(encoder.encode('{"alg":"ES256","typ":"mosaic-revocation+jws"}'));
const MAX_STATEMENT = 2_048;

/** A JWS in compact form (RFC 7515). */
export const signStatement = async (key: StatementKey, statement: RevocationStatement): Promise<string> => {
  const text = `${HEADER}.${toBase64Url(encoder.encode(JSON.stringify(statement)))}`;
  return `${text}.${toBase64Url(await key.sign(text))}`;
};

/** One object of a few members. */
const STATEMENT_BOUNDS = { depth: 2, parts: 64 } as const;

const textOf = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
};

const readPayload = (part: string): RevocationStatement | null => {
  const bytes = fromBase64Url(part);
  const text = bytes === null ? null : textOf(bytes);
  const json = text === null ? null : parseJson(text, STATEMENT_BOUNDS);
  if (json?.ok !== true || typeof json.value !== 'object' || json.value === null) return null;
  const { grant_id, certificate_serial, revoked_at } = json.value as Record<string, unknown>;
  return typeof grant_id === 'string' &&
    typeof certificate_serial === 'string' &&
    typeof revoked_at === 'string'
    ? { grant_id, certificate_serial, revoked_at }
    : null;
};

/** What a statement says, or null unless that key signed it. Total, for any text. */
export const openStatement = async (key: PublicJwk, jws: string): Promise<RevocationStatement | null> => {
  const [header, payload, signature, ...rest] = jws.length > MAX_STATEMENT ? [] : jws.split('.', 4);
  if (header !== HEADER || payload === undefined || signature === undefined || rest.length > 0) return null;
  const isGenuine = await isSignedBy(key, `${header}.${payload}`, fromBase64Url(signature));
  return isGenuine ? readPayload(payload) : null;
};

/** Carries the revocation epoch: on answers as published, on requests as remembered. */
export const EPOCH_HEADER = 'mosaic-revocation';
const EPOCH_TOKEN = /^([1-9]\d{0,14});([A-Za-z0-9_-]{86})$/;
const epochText = (epoch: number): string => `mosaic-revocation-epoch:${epoch}`;

/** Proof that the holder of the key has published an epoch: `<epoch>;<signature>`. */
export const signEpoch = async (key: StatementKey, epoch: number): Promise<string> =>
  `${epoch};${toBase64Url(await key.sign(epochText(epoch)))}`;

/** The number a well-formed token claims, or null. */
export const epochOf = (token: string): number | null => {
  const digits = EPOCH_TOKEN.exec(token)?.[1];
  return digits === undefined ? null : Number(digits);
};

export const isEpochProof = async (key: PublicJwk, token: string): Promise<boolean> => {
  const [, digits = '', signature = ''] = EPOCH_TOKEN.exec(token) ?? [];
  return digits !== '' && isSignedBy(key, epochText(Number(digits)), fromBase64Url(signature));
};
