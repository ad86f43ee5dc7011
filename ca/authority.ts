import type { CertificateRequest } from './x509/csr.ts';

/** The certificate authority port (SPEC M2). Adapters: `embedded/` and `step-ca/`. */

export interface ClientProfile {
  readonly kind: 'peer-client';
  readonly grantId: string;
  readonly subjectUserId: string;
}

export interface ServerProfile {
  readonly kind: 'front-server';
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

export interface IssueRequest {
  readonly profile: ClientProfile | ServerProfile;
  /** Only its public key is used. One that `readCsr` has read is not checked again; DER (PKCS#10) is. */
  readonly csr: CertificateRequest | Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface IssuedCertificate {
  readonly pem: string;
  readonly der: Uint8Array;
  /** Intermediates and root after the leaf, PEM, in order. */
  readonly chainPem: string;
  /** Lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export type RevocationReason = 'unspecified' | 'key_compromise' | 'cessation_of_operation' | 'superseded';

export interface CertificateAuthority {
  readonly kind: 'embedded' | 'step-ca';
  /** The trust anchor others pin. */
  rootPem(): Promise<string>;
  /**
   * Signs. What comes back was re-read and compared with the request (`verifyIssued`).
   * The certificate may start up to 60 s before `notBefore`, for clocks that differ; times are whole seconds.
   * @throws MosaicError `ca_unavailable` (nothing was signed, or it can't be known), `ca_misissued`, or `invalid_csr`
   *   (the request is the caller's fault: nothing was signed)
   */
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  /** Idempotent. @throws MosaicError `ca_unavailable` */
  revoke(serial: string, reason: RevocationReason, at: Date): Promise<void>;
}

export interface Crl {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Lists of other authorities that are trusted too, while one is replaced; `pem` has them already. */
  readonly others?: readonly Pick<Crl, 'der' | 'number'>[];
}

/** Optional ability of an authority: the current revocation list. */
export interface CrlSource {
  /**
   * @param options `fresh`: with everything that was revoked before the call, on whichever gateway; otherwise what
   *   others revoked may be missing for a few seconds
   * @throws MosaicError `ca_unavailable`
   */
  crl(options?: { readonly fresh?: boolean }): Promise<Crl>;
}

/** Optional ability of an authority: whether it could sign now. */
export interface CaProbe {
  /** @throws MosaicError `ca_unavailable` */
  ping(): Promise<void>;
}

/** The roots a peer should trust, and how it can tell that they are ours. */
export interface Trust {
  /** All that are trusted at this moment, the one that issues first, PEM. */
  readonly rootsPem: string;
  /** What signs certificates below those roots, the one that issues first, PEM; empty where roots sign themselves. */
  readonly intermediatesPem: string;
  /** For each newer root a certificate over its name and key, signed by the older one; PEM, empty when there is one root. */
  readonly linksPem: string;
}

/** `announce`: a new root is made and trusted. `switch`: it issues. `retire`: the old one is not trusted any more. */
export type RollStep = 'announce' | 'switch' | 'retire';

export interface RollState {
  readonly phase: 'stable' | 'announced' | 'switched';
  readonly announcedAt: Date | null;
  readonly switchedAt: Date | null;
  /** Roots that are known, each once: the one that issues first. */
  readonly roots: readonly KnownRoot[];
}

export interface KnownRoot {
  readonly pem: string;
  /** `configured`: it is ready to be announced, or retired; nobody trusts it. */
  readonly use: 'issuing' | 'trusted' | 'configured';
}

/** Optional ability of an authority: its root can be replaced while it works. */
export interface RootRollover {
  /** @throws MosaicError `ca_unavailable` */
  trust(): Promise<Trust>;
  /** @throws MosaicError `ca_unavailable` */
  rollState(): Promise<RollState>;
  /** @throws MosaicError `invalid_transition` out of turn, `conflict`, `ca_unavailable` */
  roll(step: RollStep): Promise<void>;
}

/** What a gateway works with: signs, revokes, publishes. */
export type Authority = CertificateAuthority & CrlSource & Partial<CaProbe> & Partial<RootRollover>;

/** The roots to trust, of any authority. @throws MosaicError `ca_unavailable` */
export const trustOf = async (
  ca: Pick<CertificateAuthority, 'rootPem'> & Partial<RootRollover>,
): Promise<Trust> =>
  ca.trust === undefined ? { rootsPem: await ca.rootPem(), intermediatesPem: '', linksPem: '' } : ca.trust();
