export interface RevokedSerial {
  readonly serial: string;
  readonly revokedAt: Date;
  /** As given to `recordRevocation`; shown in the CRL. */
  readonly reason?: string;
}

/** Generations of a CA's root. At most two are trusted: `issuing` is one of them. */
export interface Generations<T> {
  readonly oldest: T;
  readonly issuing: T;
  readonly newest: T;
  /** When the newest was made known; null: nothing is rolled over. */
  readonly announcedAt: Date | null;
  /** When the newest began to issue. */
  readonly switchedAt: Date | null;
}

/** Of the embedded CA, counted from 1. */
export type RootGenerations = Generations<number>;

/** Which of the configured step-cas issues and which are trusted, by SHA-256 of their intermediates. */
export interface StepCaRollStore {
  /** null: nothing was ever rolled over, so it is the configured one. */
  get(): Promise<Generations<string> | null>;
  /** False when it is not `from` any more: somebody else was faster. */
  change(from: Generations<string>, to: Generations<string>): Promise<boolean>;
}

/** What the embedded CA keeps: revoked serials and the CRL's number, which only rises. */
export interface EmbeddedCaStore {
  /** Idempotent. Notes when the certificate ends; the longest any may live, where it is not known here. */
  recordRevocation(serial: string, reason: string, at: Date): Promise<void>;
  /**
   * In order of their serials, at most `limit`.
   * @param endsAfter leaves out those whose certificates ended by then
   * @param after the serial to go on from; empty for the start
   */
  revocations(endsAfter: Date, after: string, limit: number): Promise<readonly RevokedSerial[]>;
  roots(): Promise<RootGenerations>;
  /** False when they are not `from` any more: somebody else was faster. */
  changeRoots(from: RootGenerations, to: RootGenerations): Promise<boolean>;
  /** Raises and returns the CRL number. */
  nextCrlNumber(): Promise<bigint>;
}
