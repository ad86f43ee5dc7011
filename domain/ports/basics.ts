/** The time. Rules take `now` as an argument; services take it from here. */
export interface Clock {
  now(): Date;
}

/** New UUIDs (version 4, lower case). */
export interface Ids {
  uuid(): string;
}

/** Cryptographically strong random bytes. */
export interface Random {
  bytes(length: number): Uint8Array;
}

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined | Error>>;

/** Structured log. Adapters redact; callers still never pass a secret, a query or a row. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/**
 * Authenticated encryption at rest: AES-256-GCM, the key's id in the envelope, the row's identity as
 * associated data, so that a blob moved to another row does not open (SPEC M2-5).
 */
export interface Sealer {
  /** @param identity what the blob belongs to, for example `federation_peers/<id>/client_key_pem` */
  seal(plaintext: Uint8Array, identity: string): Promise<string>;
  /** @throws MosaicError `internal` when the key is unknown, the identity differs or the blob was changed */
  open(sealed: string, identity: string): Promise<Uint8Array>;
  /** Id of the key that seals from now on. */
  currentKeyId(): string;
}

export interface TokenBucket {
  /** Most tokens it holds. */
  readonly capacity: number;
  readonly refillPerSecond: number;
}

/**
 * More in use than the capacity says that the capacity was lowered, or that the caller's is one of before it was raised.
 * So nothing passes then for longer than a caller can be mistaken (a grant's snapshot lives 1 s), in seconds; after
 * that, what is beyond the capacity is not owed.
 */
export const SETTLED_SECONDS = 2;

export interface TakeResult {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Seconds until one token is there; 0 when allowed. */
  readonly retryAfterSeconds: number;
}

/** Shared short-lived state. Nothing in it may be the only copy of anything. */
export interface KeyValue {
  /** True where it is this process's own memory: nothing is gained by keeping there what is in memory already. */
  readonly isLocal?: boolean;
  get(key: string): Promise<Uint8Array | null>;
  set(key: string, value: Uint8Array, ttlSeconds: number): Promise<void>;
  /** Sets only where nothing is, atomically: true for the one caller whose value it is then. */
  setIfAbsent(key: string, value: Uint8Array, ttlSeconds: number): Promise<boolean>;
  delete(key: string): Promise<void>;
  /** Takes one token from a bucket, atomically. What was used counts on when the capacity changes. */
  take(key: string, bucket: TokenBucket): Promise<TakeResult>;
  ping(): Promise<void>;
  close(): Promise<void>;
  /** Whether the gateway serves without it, more strictly: then its absence alone makes nothing unavailable. */
  readonly isOptional?: boolean;
}
