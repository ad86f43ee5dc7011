/** What an answer is given in again and again. Kept with it and gone with it, so that it says nothing for longer. */
export interface Forms {
  /** The rows as JSON, each with its tags, as those of this source. */
  rows?: { readonly source: string; readonly bytes: Uint8Array };
  /** The cursor behind them, good for answers of this second. */
  cursor?: { readonly second: number; readonly text: string };
}

/** An answer of a peer that is kept for a moment. */
export interface Kept<T> {
  readonly value: T;
  readonly forms: Forms;
  /** When it was asked for: it is at least as new as that. */
  readonly asOf: Date;
  /** Milliseconds since the epoch. */
  readonly until: number;
}
