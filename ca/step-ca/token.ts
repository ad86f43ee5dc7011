import { sha256 } from '@noble/hashes/sha2.js';
import { SignJWT } from 'jose';
import type { Clock, Ids } from '../../domain/ports/basics.ts';
import type { ProvisionerKey } from './provisioner-key.ts';

export interface TokenRequest {
  /** `sign` or `revoke`: the last part of the audience, which step-ca compares exactly. */
  readonly operation: 'sign' | 'revoke';
  readonly subject: string;
  readonly sans?: readonly string[];
  readonly claims?: Readonly<Record<string, string>>;
  /** DER of the CSR the token is bound to. */
  readonly csr?: Uint8Array;
}

const LIFETIME_SECONDS = 120;
/** For a CA whose clock is a little behind. */
const SKEW_SECONDS = 30;

const base64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/**
 * Mints a one-time token. step-ca spends a token before it looks at the signature or the CSR, so every try needs a new one.
 * `cnf.x5rt#S256` binds it to the CSR: a token that leaks signs nothing else.
 */
export const mintToken = async (
  caUrl: string,
  provisioner: ProvisionerKey,
  request: TokenRequest,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
): Promise<string> => {
  const now = Math.floor(clock.now().getTime() / 1000);
  const confirmation =
    request.csr === undefined ? {} : { cnf: { 'x5rt#S256': base64Url(sha256(request.csr)) } };
  return new SignJWT({
    ...request.claims,
    ...(request.sans === undefined ? {} : { sans: [...request.sans] }),
    ...confirmation,
  })
    .setProtectedHeader({ alg: 'ES256', kid: provisioner.kid, typ: 'JWT' })
    .setIssuer(provisioner.name)
    .setAudience(`https://${new URL(caUrl).hostname}/1.0/${request.operation}`)
    .setSubject(request.subject)
    .setJti(ids.uuid())
    .setIssuedAt(now)
    .setNotBefore(now - SKEW_SECONDS)
    .setExpirationTime(now + LIFETIME_SECONDS)
    .sign(provisioner.key);
};
