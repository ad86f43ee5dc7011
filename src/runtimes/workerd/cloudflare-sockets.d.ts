/** What we use of https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/. */
declare module 'cloudflare:sockets' {
  export interface RawSocket {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
    /** Settles when it is over, or when TLS has taken it over. */
    readonly closed: Promise<void>;
    readonly opened: Promise<unknown>;
    close(): Promise<void>;
    startTls(options: { readonly servername?: string }): RawSocket;
  }
  export const connect: (
    address: { readonly hostname: string; readonly port: number },
    options: { readonly secureTransport: 'off' | 'on' | 'starttls' },
  ) => RawSocket;
}
