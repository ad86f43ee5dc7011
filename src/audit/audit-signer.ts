import { fromHex, toHex } from '../../domain/audit/chain.ts';
import type { AuditSigner } from '../app/deps.ts';
import { toBase64Url } from '../kernel/mac.ts';

/*
 * ECDSA on P-256: the one signature that every runtime, every certified module and jose know. It takes a tenth of a
 * millisecond, so it signs checkpoints and never single answers.
 */

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const SIGNATURE_FORM = /^[0-9a-f]{128}$/;
/** A P-256 key as SPKI has 91 bytes. */
const PUBLIC_KEY_FORM = /^[A-Za-z0-9_-]{122}$/;

const encoder = new TextEncoder();

/** A new private key as JWK, to be sealed. */
export const createAuditKey = async (): Promise<Uint8Array> => {
  const { privateKey } = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  return encoder.encode(JSON.stringify(await crypto.subtle.exportKey('jwk', privateKey)));
};

const verifyWith = async (key: CryptoKey, text: string, signature: string): Promise<boolean> =>
  SIGNATURE_FORM.test(signature) &&
  crypto.subtle.verify(SIGNATURE, key, fromHex(signature) as Uint8Array<ArrayBuffer>, encoder.encode(text));

/** @param jwk as `createAuditKey` made it */
export const openAuditKey = async (jwk: Uint8Array): Promise<AuditSigner> => {
  const { d, ...open } = JSON.parse(new TextDecoder().decode(jwk)) as JsonWebKey;
  const point = { kty: 'EC', crv: 'P-256', x: open.x ?? '', y: open.y ?? '' };
  const privateKey = await crypto.subtle.importKey('jwk', { ...point, d: d ?? '' }, KEY, false, ['sign']);
  const publicKey = await crypto.subtle.importKey('jwk', point, KEY, true, ['verify']);
  return {
    publicKey: toBase64Url(new Uint8Array(await crypto.subtle.exportKey('spki', publicKey))),
    sign: async (text) =>
      toHex(new Uint8Array(await crypto.subtle.sign(SIGNATURE, privateKey, encoder.encode(text)))),
    verify: (text, signature) => verifyWith(publicKey, text, signature),
  };
};

/** Whether it has the form of a public key that `AuditSigner` shows. */
export const isPublicKey = (value: unknown): value is string =>
  typeof value === 'string' && PUBLIC_KEY_FORM.test(value);

/** Verifies with another gateway's key; false for what is no key. */
export const verifyAuditSignature = async (
  publicKey: string,
  text: string,
  signature: string,
): Promise<boolean> => {
  if (!isPublicKey(publicKey)) return false;
  try {
    const spki = Uint8Array.from(atob(publicKey.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
      character.charCodeAt(0),
    );
    const key = await crypto.subtle.importKey('spki', spki, KEY, false, ['verify']);
    return await verifyWith(key, text, signature);
  } catch {
    return false;
  }
};
