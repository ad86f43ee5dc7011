import type { Authority, Crl } from '../../ca/authority.ts';
import type { AuditDraft, Hash, Linked } from '../../domain/audit/chain.ts';
import type { Covered } from '../../domain/audit/checkpoint.ts';
import type { AuditClass } from '../../domain/audit/entry.ts';
import type { Mac } from '../../domain/paging/cursor.ts';
import type { Clock, Ids, KeyValue, Log, LogFields, Random, Sealer } from '../../domain/ports/basics.ts';
import type { SetupTerms, SignInLimits } from '../../domain/ports/sign-ins.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import type { FrontStatus } from '../../domain/status/health.ts';
import type { Telemetry } from '../../domain/ports/telemetry.ts';
import type { WorkInFlight } from '../../domain/ports/work.ts';

/** What everybody may read of the authority, from memory: any number of strangers cost the authority nothing. */
export interface PublishedPki {
  /** @throws MosaicError `ca_unavailable` when there is no list that is still valid */
  readonly list: () => Promise<Crl>;
  /** @throws MosaicError `ca_unavailable` */
  readonly rootPem: () => Promise<string>;
}

/** What the portable core needs to know of the configuration. */
export interface CoreSettings {
  /** How this gateway calls itself to peers, for example `work`. */
  readonly gatewayName: string;
  /** Base URL of this gateway's mTLS listener as peers reach it, no trailing slash. */
  readonly federationUrl: string;
  /** Base of enrollment URLs (`FEDERATION_ENROLLMENT_BASE_URL`), no trailing slash. */
  readonly enrollmentBaseUrl: string;
  /** More names of this gateway, beside the hosts of both URLs. */
  readonly serverNames?: readonly string[];
  readonly leafLifetimeSeconds: number;
  readonly enrollmentTokenSeconds: number;
  readonly defaultRateLimitPerMinute: number;
  /** Lets enrollment and peer URLs name private and loopback addresses (ABUSE 63). */
  readonly allowPrivateAddresses: boolean;
  /** Lets an enrollment URL be plain HTTP, on loopback only. */
  readonly allowLoopbackHttp: boolean;
  /** How long a peer may take to answer, and the longest `source=all` waits for anyone. */
  readonly peerTimeoutMs: number;
  /** Failed calls in a row after which a peer is not asked for a while. */
  readonly circuitFailures: number;
  /** How long; then one call tries. */
  readonly circuitCooldownMs: number;
  /** How often a call that could not be made is tried again, at most. */
  readonly peerRetries: number;
  /** How long a peer's answer may be kept, at most; the peer may say less. 0: not at all. */
  readonly cacheTtlSeconds: number;
  readonly bodyLimitBytes: number;
}

/** At any time `accepted` = `written` + `dropped` + what still waits. */
export interface AuditCounters {
  readonly accepted: number;
  readonly written: number;
  readonly dropped: number;
  /** What `dropped` is made of: allowed ones go first. */
  readonly droppedByClass: Readonly<Record<AuditClass, number>>;
}

/** Accepts entries at once; writes them in the background (SPEC M4). */
export interface AuditSink {
  /** @param traceparent of a peer's request, for whoever watches the log: no part of the entry */
  record(draft: AuditDraft, traceparent?: string): Linked;
  /**
   * For refusals that anybody can have any number of: the first of a kind in a minute is an entry, the others are one more.
   * @param kind what is counted together: who was refused, and why
   * @returns null for one that is counted
   */
  recordRepeated(kind: string, draft: AuditDraft, traceparent?: string): Linked | null;
  /** `isWritten`: whether the entry is committed; false when it was dropped, or not written in time. */
  recordStrictly(
    draft: AuditDraft,
    traceparent?: string,
  ): { readonly linked: Linked; readonly isWritten: Promise<boolean> };
  /** For the answer the entry is about: where its grant's chain stands (domain/audit/checkpoint.ts). */
  place(linked: Linked): string;
  /** The newest signed checkpoint of a grant's chain; null while there is none. */
  checkpointOf(grantId: string): string | null;
  /** Up to where this writer's chain of a grant is in the database; null while it has none. */
  durable(grantId: string | null): Covered | null;
  /** Grants that have a chain of this writer; null stands for no grant. */
  chained(): readonly (string | null)[];
  /** A peer shows a checkpoint that it holds; looked at in the background. */
  seen(grantId: string, checkpoint: string): void;
  /** Resolves when all that was accepted before the call is written or counted as dropped. */
  flush(): Promise<void>;
  readonly counters: AuditCounters;
}

/** Signs what the audit log's chains say (ECDSA P-256, SHA-256), for all replicas under one key. */
export interface AuditSigner {
  /** SPKI, base64url. */
  readonly publicKey: string;
  /** Raw signature, 128 hexadecimal characters. */
  sign(text: string): Promise<string>;
  verify(text: string, signature: string): Promise<boolean>;
}

/** RFC 7517, P-256. */
export interface PublicJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
}

/** Signs with ES256: 64 bytes, r and s. */
export interface StatementKey {
  readonly publicJwk: PublicJwk;
  sign(text: string): Promise<Uint8Array>;
}

/** Keys of this gateway, unsealed once at start. */
export interface GatewayKeys {
  /** Authenticates cursors. */
  readonly cursorMac: Mac;
  /** Hashes queries where no grant is known. */
  readonly auditMac: Mac;
  readonly auditSigner: AuditSigner;
  /** Signs statements about revocations. */
  readonly statements: StatementKey;
  /** HMAC-SHA-256 under a given key, for a grant's own audit key. */
  macWith(key: Uint8Array): Mac;
}

export interface PeerCredentials {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** One mutual-TLS client; `fetch` only ever talks with these credentials, follows no redirect and trusts only `caPem`. */
export interface PeerClient {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /** In-flight calls finish; then the connections go. */
  close(): Promise<void>;
  /** When the certificate it presents ends, where that is known. */
  readonly certificateNotAfter?: Date;
}

/** What a runtime brings to reach other gateways. */
export interface PeerTransport {
  /**
   * Why this runtime cannot present a certificate that it is given, so that none can be renewed. Absent: it can.
   */
  readonly bound?: string;
  connect(credentials: PeerCredentials): PeerClient;
  /**
   * Connects without sending anything, walks the presented chain and returns the PEM of the certificate whose
   * SHA-256 equals `fingerprint` (lower-case hexadecimal).
   * @throws MosaicError `ca_pin_mismatch`, `peer_unreachable`, `peer_timeout`, `address_refused`
   */
  pinnedRoot(url: string, fingerprint: string, timeoutMs: number): Promise<string>;
  /** HTTPS without a client certificate, trusting only `caPem`; or plain HTTP when `caPem` is null (loopback, configured). */
  anonymous(caPem: string | null): PeerClient;
  /** Resolves a host and tells whether every address of it may be called (ABUSE 63). @throws MosaicError `address_refused` */
  assertAddressAllowed(url: string): Promise<void>;
}

/** New key pair and CSR for an enrollment; the key never leaves this gateway. */
export interface KeyMaker {
  /** P-256; PKCS#8 PEM and PKCS#10 PEM with an empty subject. */
  keyAndCsr(): Promise<{ readonly keyPem: string; readonly csrPem: string }>;
}

/** Tells an operator that something needs a person. */
export interface Alerts {
  /**
   * At once, and nothing waits for it: a log line, a counter, the webhook.
   * @param alert a name of ours, the same as in the log line's `alert`
   * @param fields no secret, no query, no row
   */
  raise(alert: string, message: string, fields?: LogFields): void;
  /** Since the start: log lines with `alert` by name, when each came last, and how many the webhook did not take. */
  counters(): {
    readonly raised: Readonly<Record<string, number>>;
    readonly last: Readonly<Record<string, Date>>;
    readonly lost: number;
  };
}

/** The metrics of this process, for Prometheus. */
export interface MetricsPage {
  /** Prometheus' text format 0.0.4. */
  readonly text: () => Promise<string>;
  /** SHA-256 of the token that opens it; null: no token does. */
  readonly tokenHash: string | null;
}

/** How the TLS front stands that this gateway keeps certificates and lists for. */
export interface FrontState {
  readonly status: FrontStatus;
  readonly certificateNotAfter: Date;
  readonly crlNumber: bigint;
  /** After it the front refuses everyone. */
  readonly crlNextUpdate: Date;
  /** Lists that were refused since the start: older than the one in force, expired, or not accepted by the front. */
  readonly refusedLists: number;
}

/** Everything the apps are made of. Wired explicitly by a runtime (`src/app/wire.ts`); nothing happens on import. */
export interface Deps {
  readonly settings: CoreSettings;
  readonly storage: Storage;
  readonly kv: KeyValue;
  readonly ca: Authority;
  /** Root and revocation list, for everybody to read. */
  readonly pki: PublishedPki;
  readonly sealer: Sealer;
  readonly keys: GatewayKeys;
  readonly audit: AuditSink;
  /** Bounds what all requests of this process take at once. */
  readonly work: WorkInFlight;
  readonly signIns: SignInLimits;
  readonly setup: SetupTerms;
  readonly transport: PeerTransport;
  readonly keyMaker: KeyMaker;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  /** 16 lower-case hexadecimal digits. */
  readonly newSpanId: () => string;
  /** SHA-256, as this runtime does it best. */
  readonly hash: Hash;
  readonly log: Log;
  /** Absent: alerts are log lines only. */
  readonly alerts?: Alerts;
  /** Makes a new sealing key and seals under it from then on. Absent where the key is configuration. */
  readonly newSealingKey?: () => Promise<void>;
  /** Absent where somebody else keeps the front. */
  readonly front?: () => FrontState;
  /**
   * Resolves when the front refuses what was revoked at the CA before the call, or could not be told. Never throws, and
   * many calls are few rounds. Absent as `front`.
   */
  readonly refreshFront?: () => Promise<void>;
  /** Absent: nobody watches, and nothing is prepared for anybody to. */
  readonly telemetry?: Telemetry;
  /** Absent: there is no page. */
  readonly metrics?: MetricsPage;
}
