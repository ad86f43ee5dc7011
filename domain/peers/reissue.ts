import type { ErrorCode } from '../errors.ts';
import { isOfCertificate } from './identity.ts';
import { renewalWindowMs } from './renewal.ts';

/** A certificate of the grant, as the serving side's records have it. */
export interface HeldCertificate {
  readonly id: string;
  readonly status: 'requested' | 'issued' | 'failed' | 'revoked';
  readonly serial: string | null;
  readonly fingerprint: string | null;
  readonly publicKeyHash: string | null;
  readonly certificatePem: string | null;
  readonly createdAt: Date;
  readonly notAfter: Date | null;
  /** Superseded: it ends then. */
  readonly revokeAt: Date | null;
}

export interface RenewalAsked {
  /** Serial of the certificate the request came with. */
  readonly serial: string;
  /** SHA-256 of it. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the key that shall be certified. */
  readonly publicKeyHash: string;
}

export type Reissue<C extends HeldCertificate> =
  | { readonly kind: 'issue'; /** Intents whose process died. */ readonly dead: readonly C[] }
  /** Asked for once more: the answer was lost on its way. */
  | { readonly kind: 'again'; readonly certificate: C }
  /** The same is being signed at this moment. */
  | { readonly kind: 'busy' }
  | {
      readonly kind: 'refused';
      readonly code: Extract<ErrorCode, 'certificate_revoked' | 'invalid_csr' | 'renewal_refused'>;
      readonly detail?: string;
    };

/** After that an intent without outcome belongs to a process that died. */
export const INTENT_MS = 60_000;
/** Certificates in use at once, the superseded ones not counted: the one in use, the next, and one that got lost. */
export const MAX_OPEN = 3;
/** All that are good at once, with the superseded ones in their overlap. */
export const MAX_VALID = 10;
/** How long a superseded certificate goes on, for calls under way and replicas that have not noticed. */
export const OVERLAP_MS = 10 * 60_000;

const refused = (detail: string) => ({ kind: 'refused', code: 'renewal_refused', detail }) as const;

const verdictOnKey = <C extends HeldCertificate>(
  certificates: readonly C[],
  presented: C,
  asked: RenewalAsked,
  now: Date,
): Reissue<C> | null => {
  const same = certificates.filter(({ publicKeyHash }) => publicKeyHash === asked.publicKeyHash);
  const underWay = same.some(
    ({ status, createdAt }) => status === 'requested' && now.getTime() - createdAt.getTime() < INTENT_MS,
  );
  if (underWay) return { kind: 'busy' };
  const good = same.find(
    (one) =>
      one.status === 'issued' &&
      one.id !== presented.id &&
      one.revokeAt === null &&
      one.certificatePem !== null &&
      (one.notAfter?.getTime() ?? 0) > now.getTime() &&
      one.createdAt >= presented.createdAt,
  );
  if (good !== undefined) return { kind: 'again', certificate: good };
  // A key that only ever failed to be certified is as good as new.
  const isUsed = same.some(({ status }) => status === 'issued' || status === 'revoked');
  return isUsed ? { kind: 'refused', code: 'invalid_csr', detail: 'A renewal needs a new key.' } : null;
};

/**
 * Whether a grant's certificate is renewed, decided on all certificates of the grant while the grant is locked. Total.
 * Several may be good at once, but few, so that whoever has one can't pile up more.
 */
export const decideReissue = <C extends HeldCertificate>(
  certificates: readonly C[],
  asked: RenewalAsked,
  now: Date,
): Reissue<C> => {
  const presented = certificates.find((one) => isOfCertificate(one, asked));
  if (presented === undefined || presented.status !== 'issued' || presented.revokeAt !== null) {
    return { kind: 'refused', code: 'certificate_revoked' };
  }
  const onKey = verdictOnKey(certificates, presented, asked, now);
  if (onKey !== null) return onKey;
  const isFresh = ({ createdAt }: C): boolean => now.getTime() - createdAt.getTime() < INTENT_MS;
  const intents = certificates.filter(({ status }) => status === 'requested');
  const valid = certificates.filter(
    ({ status, notAfter }) => status === 'issued' && (notAfter?.getTime() ?? 0) > now.getTime(),
  );
  const underWay = intents.filter(isFresh).length;
  const open = valid.filter(({ revokeAt }) => revokeAt === null).length + underWay;
  if (valid.length + underWay >= MAX_VALID || open >= MAX_OPEN)
    return refused('The grant has several valid certificates. Use the newest.');
  const isDue = asked.notAfter.getTime() - now.getTime() <= renewalWindowMs(asked);
  if (open > 1 && !isDue)
    return refused('The grant has a newer certificate already, and this one is not due for renewal.');
  return { kind: 'issue', dead: intents.filter((one) => !isFresh(one)) };
};
