import type { IssuedCertificate } from '../../../ca/authority.ts';
import { sha256Hex } from '../../../ca/x509/bytes.ts';
import { readCsr, type CertificateRequest } from '../../../ca/x509/csr.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Grant } from '../../../domain/grants/grant.ts';
import type { EnrollableGrant } from '../../../domain/ports/enrollment.ts';
import type { Deps } from '../../app/deps.ts';
import { changeEntry, type Author } from '../../audit/audit.ts';
import { hashText } from '../../kernel/mac.ts';
import { isMarkedEnrollmentToken } from './enrollment-token.ts';
import { claimToken, type Claim } from './redeem-claim.ts';
import { conclude } from './redeem-conclude.ts';
import { addressBucket } from '../../kernel/address-bucket.ts';
import { takeRedemption } from '../../kernel/redeem-limits.ts';
import { settleRevocations } from '../revocation/revocation.ts';

export interface Redemption {
  /** As it was sent, well formed or not. */
  readonly token: string;
  /** PKCS#10 PEM. */
  readonly csr: string;
  /** Where the request comes from, as far as the runtime knows. */
  readonly address: string | null;
  readonly traceId: string | null;
}

export interface Redeemed {
  readonly grant: Grant;
  readonly certificate: IssuedCertificate;
  readonly rootPem: string;
}

/** X.509 times have whole seconds. */
const wholeSecond = (milliseconds: number): Date => new Date(Math.floor(milliseconds / 1000) * 1000);

/** Authorities sign for no less. A certificate may outlive its grant by that: the fence looks at the grant too. */
const SHORTEST_LIFETIME_MS = 5 * 60_000;

/** From now on, for as long as is configured, and no longer than the grant holds. */
export const lifetimeOf = (
  deps: Deps,
  grant: Pick<Grant, 'expiresAt'>,
): { readonly notBefore: Date; readonly notAfter: Date } => {
  const notBefore = wholeSecond(deps.clock.now().getTime());
  const longest = notBefore.getTime() + deps.settings.leafLifetimeSeconds * 1000;
  const useful = Math.max(grant.expiresAt?.getTime() ?? longest, notBefore.getTime() + SHORTEST_LIFETIME_MS);
  return { notBefore, notAfter: wholeSecond(Math.min(longest, useful)) };
};

const sign = (deps: Deps, grant: EnrollableGrant, csr: CertificateRequest): Promise<IssuedCertificate> => {
  const profile = { kind: 'peer-client', grantId: grant.id, subjectUserId: grant.subjectUserId } as const;
  return deps.ca.issue({ profile, csr, ...lifetimeOf(deps, grant) });
};

/** Makes the token usable again. What fails here the claim's lease and the fence of every read make good. */
const undo = async (deps: Deps, claim: Claim, issued: IssuedCertificate | null): Promise<void> => {
  try {
    await deps.storage.stores.enrollmentTokens.release(claim.hash, claim.claimId);
    // Fails when the certificate counts after all (the commit's answer was lost): then it must not be revoked.
    await deps.storage.stores.certificates.markFailed(claim.certificateId);
    if (issued !== null) await deps.ca.revoke(issued.serial, 'cessation_of_operation', deps.clock.now());
  } catch (error) {
    deps.log.warn('a failed enrollment was not cleaned up', {
      grant_id: claim.grantId,
      error: error as Error,
    });
  }
};

const certify = async (
  deps: Deps,
  author: Author,
  claim: Claim,
  csr: CertificateRequest,
): Promise<Redeemed> => {
  const { grant: pending } = claim;
  if (pending === null) {
    // A token whose grant nobody can enroll for is spent.
    await deps.storage.stores.enrollmentTokens.finish(claim.hash, claim.claimId, deps.clock.now());
    throw new MosaicError('token_expired');
  }
  let certificate: IssuedCertificate | null = null;
  let refusal: 'token_used' | 'token_expired';
  try {
    const rootPem = await deps.ca.rootPem();
    certificate = await sign(deps, pending, csr);
    const concluded = await conclude(deps, author, claim, pending, certificate);
    if (typeof concluded === 'object') return { grant: concluded, certificate, rootPem };
    refusal = concluded;
  } catch (error) {
    await undo(deps, claim, certificate);
    throw error;
  }
  await settleRevocations(deps);
  throw new MosaicError(refusal);
};

/**
 * Redeems an enrollment token: exactly one redemption of a token gets a certificate, the grant becomes active
 * and the peer with it. Whatever fails before that leaves the token usable and the grant pending.
 *
 * @throws MosaicError `rate_limited`, `invalid_csr`, `token_unknown`, `token_used`, `token_expired` (also when the
 *   grant was revoked or has expired), `ca_unavailable`, `ca_misissued`, `database_unavailable`
 */
export const redeem = async (deps: Deps, redemption: Redemption): Promise<Redeemed> => {
  const author: Author = { principal: null, traceId: redemption.traceId };
  const hash = hashText(redemption.token);
  let claim: Claim | null = null;
  let isAdmitted = false;
  try {
    const isMarked = isMarkedEnrollmentToken(redemption.token, deps.keys.cursorMac);
    await takeRedemption(deps, { address: redemption.address, tokenHash: hash, isMarked });
    isAdmitted = true;
    const csr = await readCsr(redemption.csr);
    if (!csr.ok) throw new MosaicError('invalid_csr', { detail: csr.error });
    claim = await claimToken(deps, hash, sha256Hex(csr.value.publicKeyInfo));
    return await certify(deps, author, claim, csr.value);
  } catch (error) {
    const known = error instanceof MosaicError ? error : new MosaicError('internal', { cause: error });
    // Counted here and not with the entry: of a stranger who tries again and again not every refusal gets one.
    deps.telemetry?.count('mosaic_federation_denials_total', { direction: 'inbound', reason: known.code });
    if (known.code === 'rate_limited')
      deps.telemetry?.count('mosaic_limiter_refusals_total', { limiter: 'enrollment' });
    const entry = changeEntry(deps, author, {
      verb: 'enroll',
      action: 'grant.enroll',
      status: known.status,
      reasonCode: known.code,
      grantId: claim?.grantId ?? null,
    });
    // Refused before anything was looked at: a stranger can have that as often as it likes.
    if (!isAdmitted) deps.audit.recordRepeated(`enroll ${addressBucket(redemption.address)}`, entry);
    else deps.audit.record(entry);
    throw error;
  }
};
