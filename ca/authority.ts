/** The certificate authority port (SPEC M2). Adapters: `embedded/` and, later, `step-ca/`. */

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
  /** PKCS#10 DER, already validated; only its public key is used. */
  readonly csr: Uint8Array;
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
}

/** Optional ability of an authority: the current revocation list. */
export interface CrlSource {
  /** @throws MosaicError `ca_unavailable` */
  crl(): Promise<Crl>;
}

/** Optional ability of an authority: whether it could sign now. */
export interface CaProbe {
  /** @throws MosaicError `ca_unavailable` */
  ping(): Promise<void>;
}

/** What a gateway works with: signs, revokes, publishes. */
export type Authority = CertificateAuthority & CrlSource & Partial<CaProbe>;
