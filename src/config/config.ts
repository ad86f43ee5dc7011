import type { LOG_LEVELS, TIERS, WHEN_DOWN } from './schema.ts';
import type { OTLP_PROTOCOLS } from './telemetry-schema.ts';

export type Tier = (typeof TIERS)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface TcpListener {
  readonly kind: 'tcp';
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface OtlpConfig {
  readonly endpoint: string;
  readonly protocol: (typeof OTLP_PROTOCOLS)[number];
  /** May hold a secret. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface TelemetryConfig {
  /** null: made of the gateway's name. */
  readonly serviceName: string | null;
  /** null: nothing is sent. */
  readonly otlp: OtlpConfig | null;
  readonly traces: {
    readonly ratio: number;
    readonly followedPerSecond: number;
    readonly delayMs: number;
  } | null;
  readonly metrics: {
    readonly isPushed: boolean;
    readonly intervalMs: number;
    /** Serves /metrics alone; null: none. */
    readonly listener: TcpListener | null;
    /** Opens /metrics; null: on the public listener there is no such page. */
    readonly token: string | null;
  } | null;
}

export interface SocketListener {
  readonly kind: 'socket';
  /** Path of a Unix socket; a front in the same machine ends TLS and passes the certificate on. */
  readonly path: string;
  /** What that front proves itself with; null: by the file that the gateway keeps for it, or not at all. */
  readonly frontSecret: string | null;
}

export type KvConfig =
  | { readonly type: 'memory' }
  | {
      readonly type: 'valkey';
      /** With user and password, unless `passwordFile` holds the latter. */
      readonly url: string;
      readonly passwordFile: string | null;
      readonly caPath: string | null;
    }
  | { readonly type: 'upstash'; readonly url: string; readonly token: string };

/** One step-ca: where it is, and what a gateway must have of it. */
export interface StepCaPlace {
  readonly url: string;
  readonly rootCertPath: string;
  readonly intermediateCertPath: string;
  readonly rootCrlPath: string;
  /** Of `mosaic-fed`: a private JWK, or the same encrypted (JWE). */
  readonly provisionerKey: string;
  /** Of `mosaic-tls`. */
  readonly tlsProvisionerKey: string;
  readonly provisionerPassword: string | null;
}

export interface StepCaConfig extends StepCaPlace {
  readonly type: 'step-ca';
  /** The one that takes its place in a rollover. */
  readonly next: (StepCaPlace & { readonly linkPath: string | null }) | null;
}

/** What the gateway keeps for an nginx in front of it. */
export interface FrontConfig {
  readonly directory: string;
  /** null: only the files are kept; nginx is reloaded by somebody else. */
  readonly nginx: { readonly config: string; readonly pidFile: string; readonly binary: string } | null;
  /** Where nginx logs what it refuses; null: that is not audited. */
  readonly refusedLog: string | null;
  /** Whether requests on the sockets are believed only with the secret that the gateway keeps there for nginx. */
  readonly requiresProof: boolean;
}

/** Postgres, beside its address. */
export interface DatabaseConfig {
  /** Most connections for each purpose. */
  readonly pools: Readonly<Record<'reads' | 'search' | 'writes' | 'background', { readonly max: number }>>;
  readonly statementTimeoutMs: number;
  /** Longest that all statements of one request of a person take together; of a peer, the next. */
  readonly requestTimeoutMs: number;
  readonly peerRequestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Most statements of one purpose that wait for a connection. */
  readonly queueLimit: number;
  /** How long a process serves peers after its last commit on the primary. */
  readonly leaseSeconds: number;
  /** PEM of the authorities to trust; null: the system's. */
  readonly caPath: string | null;
  /** Each holds an address, and is read again for each connection; null: that address is configuration. */
  readonly urlFiles: Readonly<Record<'url' | 'peersUrl' | 'maintenanceUrl', string | null>>;
}

/** A configuration that was checked, with every default filled in. */
export interface GatewayConfig {
  readonly tier: Tier;
  readonly gatewayName: string;
  readonly dataDir: string;
  /** Of the login for the public and admin API; null in tier `local`, as the two others. */
  readonly databaseUrl: string | null;
  /** Of the login that answers peers. */
  readonly peersDatabaseUrl: string | null;
  /** Of the login for maintenance; null: the schema is kept by somebody else. */
  readonly maintenanceDatabaseUrl: string | null;
  readonly database: DatabaseConfig;
  /** Whether a start brings the schema of a Postgres up to date. */
  readonly isMigrating: boolean;
  readonly kv: KvConfig;
  /** What becomes of rate limits while a shared store is away. */
  readonly kvOutage: { readonly whenDown: (typeof WHEN_DOWN)[number]; readonly share: number };
  readonly ca: { readonly type: 'embedded' } | StepCaConfig;
  readonly publicListener: TcpListener;
  /** Connections to `publicListener` of one address that is not this machine's own. */
  readonly publicConnectionsPerAddress: number;
  /** Unix socket of the public API behind a front, in place of `publicListener`. */
  readonly publicSocket: string | null;
  readonly federationListener: TcpListener | SocketListener;
  readonly front: FrontConfig | null;
  readonly federation: {
    /** null: made of the federation listener's host and port. */
    readonly url: string | null;
    /** null: the same as `url`. */
    readonly enrollmentBaseUrl: string | null;
    readonly serverNames: readonly string[];
    readonly allowPrivateAddresses: boolean;
    readonly allowLoopbackHttp: boolean;
    readonly leafLifetimeSeconds: number;
    readonly peerTimeoutMs: number;
    readonly circuitFailures: number;
    readonly circuitCooldownMs: number;
    readonly peerRetries: number;
    readonly cacheTtlSeconds: number;
    /** Of the lists of gateways that we ask. */
    readonly crlPollSeconds: number;
    /** Of our own front's list. */
    readonly frontPollSeconds: number;
    readonly defaultRateLimitPerMinute: number;
  };
  /** 32 bytes, or null when none was given: tier `local` makes one. */
  readonly sealingKey: Uint8Array | null;
  /** Receives alerts; null: they are log lines only. May hold a secret in its path. */
  readonly alertWebhookUrl: string | null;
  /** Open what they sealed, and seal nothing. */
  readonly olderSealingKeys: readonly Uint8Array[];
  readonly logLevel: LogLevel;
  /** All that a graceful stop may take. */
  readonly shutdownSeconds: number;
  /** null: nobody watches. */
  readonly telemetry: TelemetryConfig | null;
}
