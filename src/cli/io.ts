import { text } from 'node:stream/consumers';

/** The world as a command sees it, so that tests can hand in another one. */
export interface Io {
  /** Standard output: results only. */
  out(text: string): void;
  /** Standard error: progress, notices and problems. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** All of standard input as text. */
  readStdin(): Promise<string>;
  now(): Date;
  readonly fetch: typeof fetch;
}

/**
 * The real process. A reader that went away (`mosaic … | head`) ends the program quietly, as it does for
 * other tools, instead of with a stack.
 */
export const processIo = (): Io => {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
  return {
    out: (chunk) => void process.stdout.write(chunk),
    err: (chunk) => void process.stderr.write(chunk),
    env: process.env,
    readStdin: () => text(process.stdin),
    now: () => new Date(),
    fetch: globalThis.fetch,
  };
};
