import type { LOG_LEVELS, TIERS } from './schema.ts';

export type Tier = (typeof TIERS)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface TcpListener {
  readonly kind: 'tcp';
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface SocketListener {
  readonly kind: 'socket';
  /** Path of a Unix socket; a front in the same machine ends TLS and passes the certificate on. */
  readonly path: string;
}

/** A configuration that was checked, with every default filled in. */
export interface GatewayConfig {
  readonly tier: Tier;
  readonly gatewayName: string;
  readonly dataDir: string;
  readonly databaseUrl: string | null;
  /** Whether a start brings the schema of a Postgres up to date. */
  readonly isMigrating: boolean;
  readonly kv: { readonly type: 'memory' | 'valkey'; readonly url: string | null };
  readonly ca: { readonly type: 'embedded' | 'step-ca'; readonly url: string | null };
  readonly publicListener: TcpListener;
  readonly federationListener: TcpListener | SocketListener;
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
    readonly defaultRateLimitPerMinute: number;
  };
  /** 32 bytes, or null when none was given: tier `local` makes one. */
  readonly sealingKey: Uint8Array | null;
  readonly logLevel: LogLevel;
}
