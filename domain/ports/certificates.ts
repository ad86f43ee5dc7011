export interface CertificateRecord {
  readonly id: string;
  readonly grantId: string;
  readonly status: 'requested' | 'issued' | 'failed' | 'revoked';
  readonly serial: string | null;
  readonly fingerprint: string | null;
  readonly notBefore: Date | null;
  readonly notAfter: Date | null;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  /** SHA-256 of its SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly publicKeyHash: string | null;
  /** Kept for a holder that did not get the answer to its renewal. */
  readonly certificatePem: string | null;
  readonly chainPem: string | null;
  /** When its holder first said that it uses this one. */
  readonly confirmedAt: Date | null;
  /** Superseded: it ends then. */
  readonly revokeAt: Date | null;
}

export interface CertificateStore {
  /** The intent is recorded before the CA signs. */
  insertRequested(id: string, grantId: string, at: Date, publicKeyHash?: string): Promise<void>;
  markIssued(
    id: string,
    issued: {
      readonly serial: string;
      readonly fingerprint: string;
      readonly notBefore: Date;
      readonly notAfter: Date;
      readonly certificatePem?: string;
      readonly chainPem?: string;
    },
  ): Promise<void>;
  markFailed(id: string): Promise<void>;
  /** Whether a certificate of another grant is, or was, over this key. */
  isKeyOfAnother(publicKeyHash: string, grantId: string): Promise<boolean>;
  /** The holder uses this one: what was made before it for the same grant ends at `revokeAt`. Says how many. */
  confirm(id: string, at: Date, revokeAt: Date): Promise<number>;
  /** Revokes one that was issued, as `revokeOfGrant` does. */
  revokeOne(id: string, reason: string, at: Date): Promise<void>;
  /** Revokes what was superseded and whose overlap is over. Says how many. */
  revokeSuperseded(at: Date): Promise<number>;
  ofGrant(grantId: string): Promise<readonly CertificateRecord[]>;
  /** Active grants with a good certificate whose holder has not confirmed one that was made since then. */
  unmovedSince(since: Date, now: Date): Promise<number>;
  /** Certificates that are good and were made before then. */
  goodBefore(since: Date, now: Date): Promise<number>;
  /** Revokes the issued certificates of a grant in the database, and puts each serial into the CA outbox. */
  revokeOfGrant(grantId: string, reason: string, at: Date): Promise<readonly string[]>;
}
