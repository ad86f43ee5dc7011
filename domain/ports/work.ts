/** Whose work it is. Turns go round the parties, and within a party round its holders. */
export interface WorkOwner {
  /** Who stands behind it: a peer, with all its grants, or a person, with all tokens and sessions. */
  readonly party: string;
  /** A grant of the peer; for a person the same as the party. */
  readonly holder: string;
  /** The party is a peer that asks us: it has a bound of its own. */
  readonly isPeer?: boolean;
}

/** Work that was let in. */
export interface HeldWork {
  /** It takes more than was known before, in bytes. Never waits: so no work waits for more while it holds some. */
  grow(bytes: number): void;
  /**
   * The answer is made and waits for its reader: it no longer counts against the others, but against its party.
   *
   * @param cut ends the connection; called when answers nobody reads take too much
   */
  send(bytes: number, cut: () => void): void;
  readonly isSending: boolean;
  /** Others had their turn first: what was looked up before may be out of date. */
  readonly hasWaited: boolean;
  /** More than once does nothing. */
  release(): void;
}

export interface WorkInFlight {
  /**
   * Waits for its turn. Work within the limits is never refused but when too much waits already.
   *
   * @param bytes upper bound of the memory it takes
   * @throws MosaicError `unavailable` at once when the queue is full, and when no turn came in time
   */
  enter(owner: WorkOwner, bytes: number): Promise<HeldWork>;
  /** For metrics and tests. */
  readonly state: { readonly bytes: number; readonly sending: number; readonly waiting: number };
}
