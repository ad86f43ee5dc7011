import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { fileError } from '../../../domain/system-errors.ts';
import { EXIT } from './exit.ts';

/** The world as a command sees it, so that tests can hand in another one. */
export interface Io {
  /** Standard output: results only. */
  out(text: string): void;
  /** Standard error: progress, notices and problems. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** All of standard input as text. */
  readStdin(): Promise<string>;
  /** Asks on standard error; absent where nobody is there to answer. */
  readonly prompt?: (question: string) => Promise<string>;
  /** Columns of the terminal behind standard error; absent when it is none. */
  readonly columns?: () => number;
  now(): Date;
  readonly fetch: typeof fetch;
}

/** Ctrl-C and Ctrl-D at the question end the program as they do anywhere else: nothing was done yet. */
const ask = async (question: string): Promise<string> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      void lines.question(question).then(resolve, () => resolve(''));
    });
  } finally {
    lines.close();
  }
};

/** Output that cannot be written is lost: the program says so, where it still can, and ends with an exit code of its own. */
const endUnwritten = (error: NodeJS.ErrnoException, name: string): never => {
  const found = fileError(error);
  const why = found === null ? error.message : `${found.what}. What to do: ${found.cure}`;
  if (name === 'Standard output') writeQuietly(`mosaic: ${name} cannot be written: ${why}. (system_error)\n`);
  return process.exit(EXIT.failure);
};

const writeQuietly = (text: string): void => {
  try {
    writeSync(process.stderr.fd, text);
  } catch {
    // Standard error is gone, too: the exit code is all there is.
  }
};

/**
 * The real process. A reader that went away (`mosaic … | head`) ends the program quietly, as it does for
 * other tools, instead of with a stack.
 */
export const processIo = (): Io => {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      endUnwritten(error, stream === process.stdout ? 'Standard output' : 'Standard error');
    });
  }
  return {
    out: (chunk) => void process.stdout.write(chunk),
    err: (chunk) => void process.stderr.write(chunk),
    // An empty text is no setting.
    env: Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')),
    readStdin: () => text(process.stdin),
    ...(process.stdin.isTTY && process.stderr.isTTY ? { prompt: ask } : {}),
    ...(process.stderr.isTTY ? { columns: () => process.stderr.columns } : {}),
    now: () => new Date(),
    fetch: globalThis.fetch,
  };
};
