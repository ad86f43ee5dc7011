/** A client certificate with its key, PEM. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
}

/** One running gateway, on whatever runtime. The suite knows nothing else of it. */
export interface GatewayUnderTest {
  /** To the public listener. `path` begins with a slash. */
  publicFetch(path: string, init?: RequestInit): Promise<Response>;
  /** To the federation listener, over a connection (or through a front) that presented this certificate. */
  federationFetch(client: ClientCertificate | null, path: string, init?: RequestInit): Promise<Response>;
  /** To wherever the gateway's enrollment URLs lead, without a certificate. */
  enrollmentFetch(path: string, init?: RequestInit): Promise<Response>;
  /** A certificate under the gateway's own root whose identity extensions are these: what it would never issue. */
  forge(
    extensions: readonly { readonly oid: string; readonly value: Uint8Array }[],
  ): Promise<ClientCertificate>;
  /** What its first administrator is created with; null where it needs none. */
  readonly setupToken: string | null;
  /** What a client with a revoked certificate is told: by the app, or already by the TLS front. */
  readonly whenRevoked: readonly Refusal[];
  stop(): Promise<void>;
}
