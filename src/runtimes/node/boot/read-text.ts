import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { codeOf } from './errno.ts';

/** No configuration, secret, certificate or document is larger. */
const MOST_BYTES = 4 * 1_048_576;
const CHUNK = 65_536;
const POLL_MS = 10;
/** A named pipe that nobody writes to says nothing for ever. */
const PATIENCE_MS = 900;

const fault = (code: string, path: string): Error =>
  Object.assign(new Error(`${code}: ${path}`), { code, path });

const sleep = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** @returns how many bytes came; 0 at the end; null when a pipe has none yet */
const readChunk = (fd: number, chunk: Uint8Array): number | null => {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return null;
    throw error;
  }
};

const readAll = (fd: number, path: string): string => {
  const chunk = new Uint8Array(CHUNK);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let text = '';
  let total = 0;
  for (const end = Date.now() + PATIENCE_MS; ;) {
    const count = readChunk(fd, chunk);
    if (count === 0) return text + decoder.decode();
    if (count === null) {
      if (Date.now() > end) throw fault('ETIMEDOUT', path);
      sleep(POLL_MS);
      continue;
    }
    total += count;
    if (total > MOST_BYTES) throw fault('EFBIG', path);
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
};

/**
 * The text of a file, or of a pipe such as a shell’s `<(…)`. It ends in any case: a pipe that nobody writes to is given up
 * after a second, and a device that never ends after 4 MiB. Nothing hears a signal while a file is opened, so that opening
 * must not wait.
 * @throws the error of the operating system, with the path
 */
export const readTextFile = (path: string): string => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (fstatSync(fd).isDirectory()) throw fault('EISDIR', path);
    return readAll(fd, path);
  } finally {
    closeSync(fd);
  }
};
