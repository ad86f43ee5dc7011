/** The part of Deno's own API that is used here; the type checker of this repository knows Node's only. */

export interface DenoHttpClient {
  close(): void;
}

export interface DenoServer {
  readonly addr: { readonly transport: string; readonly hostname?: string; readonly port?: number };
  readonly finished: Promise<void>;
  /** Stops accepting and waits for the answers under way. */
  shutdown(): Promise<void>;
}

export interface DenoServeInfo {
  readonly remoteAddr: { readonly hostname?: string };
}

type DenoHandler = (request: Request, info: DenoServeInfo) => Response | Promise<Response>;

interface ServeOptions {
  readonly signal?: AbortSignal;
  readonly onListen?: () => void;
  readonly onError?: (error: unknown) => Response;
}

export interface DenoApi {
  readonly stdout: { writeSync(bytes: Uint8Array): number };
  readonly env: { toObject(): Record<string, string> };
  serve(
    options: ServeOptions &
      ({ readonly hostname: string; readonly port: number } | { readonly path: string }),
    handler: DenoHandler,
  ): DenoServer;
  createHttpClient(options: {
    readonly caCerts?: readonly string[];
    readonly cert?: string;
    readonly key?: string;
    readonly poolMaxIdlePerHost?: number;
  }): DenoHttpClient;
  readonly readTextFileSync: (path: string) => string;
  chmodSync(path: string, mode: number): void;
  removeSync(path: string): void;
  lstatSync(path: string): { readonly isSocket: boolean | null };
  statSync(path: string): { readonly mode: number | null; readonly uid: number | null };
  connect(options: { readonly transport: 'unix'; readonly path: string }): Promise<{ close(): void }>;
  umask(mask: number): number;
  uid(): number | null;
  addSignalListener(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): void;
  exit(code: number): never;
}

/** @throws Error anywhere but on Deno */
export const denoApi = (): DenoApi => {
  const { Deno } = globalThis as { readonly Deno?: DenoApi };
  if (Deno === undefined) throw new Error('this runs on Deno: deno run src/runtimes/deno/main.ts');
  return Deno;
};
