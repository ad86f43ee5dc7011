/** Sealed keys of the gateway itself (cursor MAC, audit hash without a grant, the embedded CA's key). */
export interface SecretStore {
  get(name: string): Promise<string | null>;
  /** Stores `sealed` if the name is free, and returns what is stored then: one winner among replicas. */
  putIfAbsent(name: string, sealed: string): Promise<string>;
}

/** Where a pass over all sealed values stands. */
export interface SealedPosition {
  readonly table: string;
  readonly key: string;
}

export interface SealedItem extends SealedPosition {
  readonly sealed: string;
  /** What it belongs to, as associated data (`Sealer`). */
  readonly identity: string;
}

export interface SealedCount {
  readonly table: string;
  /** Id of the key they were sealed under; null for what is not a sealed value. */
  readonly keyId: string | null;
  readonly rows: number;
}

/** Every sealed value of the database, whosever it is. Only in a transaction of the administrating role. */
export interface SealedStore {
  census(): Promise<readonly SealedCount[]>;
  /** Values that another key than this one sealed, in a fixed order, after a position. */
  readOthers(keyId: string, after: SealedPosition | null, limit: number): Promise<readonly SealedItem[]>;
  /** Only while the value is still the one that was read; false when someone else was faster. */
  replace(item: SealedItem, by: string): Promise<boolean>;
}
