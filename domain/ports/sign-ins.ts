/** Bounds what failed sign-ins cost. Data alone: may outlive a request. */
export interface SignInLimits {
  /**
   * Asked before a token is looked up.
   *
   * @param address where the request comes from; null where the runtime does not know
   * @param isOurs whether the token bears the mark of this gateway: then others' failures are not held against it
   * @returns to be told what became of it: whether the token was good; null where it could not be looked up, which counts for nothing
   * @throws MosaicError `rate_limited` after too many failures of that address; never for a token that was good at its last use
   */
  begin(address: string | null, tokenHash: string, isOurs?: () => boolean): (isGood: boolean | null) => void;
}

/** How whoever creates the first administrator shows to be who runs the gateway. */
export interface SetupTerms {
  /** SHA-256 of the setup token. */
  readonly tokenHash: Uint8Array;
  /** The listener is on loopback and tier `local`: a request that names loopback as its host needs no token. */
  readonly isOpenOnLoopback: boolean;
}
