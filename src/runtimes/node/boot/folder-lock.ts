import { randomUUID } from 'node:crypto';
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { codeOf } from './errno.ts';

interface Holder {
  readonly pid: number;
  /** Start time of that process by the kernel's count: a process id alone is used again. */
  readonly started: string | null;
  /** Process ids mean nothing to another machine or container on the same volume. */
  readonly host: string;
  /** It holds the operating system's lock; absent of a gateway of an earlier version, whose text was its lock. */
  readonly isOs: boolean;
}

export type LockAttempt =
  | { readonly taken: true; readonly release: () => void }
  | { readonly taken: false; readonly pid: number; readonly host: string };

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
/** For gateways of earlier versions, which take a lock over that was silent for long. */
const HEARTBEAT_MS = 5_000;
/** A holder of an earlier version on another host that has not been heard of for this long is gone. */
const SILENCE_MS = 30_000;

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
};

/** Field 22 of /proc/<pid>/stat, or null where there is no such file. */
const startedAt = (pid: number): string | null => {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
};

const parseHolder = (text: string): Holder | null => {
  try {
    const { pid, started, host, isOs } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === 'number' && typeof host === 'string'
      ? { pid, started: started ?? null, host, isOs: isOs === true }
      : null;
  } catch {
    return null;
  }
};

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, as another user.
    return codeOf(error) !== 'ESRCH';
  }
};

const isAlive = (holder: Holder, path: string): boolean => {
  if (holder.host !== hostname()) {
    const heard = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return Date.now() - heard < SILENCE_MS;
  }
  if (!exists(holder.pid)) return false;
  const started = startedAt(holder.pid);
  return started === null || holder.started === null || started === holder.started;
};

/** In place of what was there, whole or not at all, and readable by its own user alone. */
const tell = (path: string, text: string): void => {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
};

/** Makes the file for its own user alone. It is never opened otherwise: that would end the locks this process has on it. */
const makeFile = (path: string): void => {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
};

const isBusy = (error: unknown): boolean =>
  error instanceof Error &&
  'errcode' in error &&
  (error.errcode === SQLITE_BUSY || error.errcode === SQLITE_LOCKED);

/** @returns what holds the lock; null while another process, or another part of this one, does */
const takeOsLock = (path: string): DatabaseSync | null => {
  makeFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    throw error;
  }
};

const hold = (path: string, mine: string, lock: DatabaseSync): (() => void) => {
  const heartbeat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // The folder is gone or read-only: the database will say so more clearly than a lock could.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  let isReleased = false;
  return () => {
    if (isReleased) return;
    isReleased = true;
    clearInterval(heartbeat);
    if (readText(path) === mine) rmSync(path, { force: true });
    lock.close();
  };
};

const heldBy = (path: string): LockAttempt => {
  const holder = parseHolder(readText(path) ?? '');
  return { taken: false, pid: holder?.pid ?? 0, host: holder?.host ?? 'unknown' };
};

/**
 * Takes a folder for this process (PGlite itself has no lock, and two processes on one folder destroy it).
 *
 * The lock is the operating system's, on `<path>.os`, by way of SQLite, which Node brings: it ends with its process, however
 * that ends, and it does not depend on process ids or clocks, so that two containers on one volume see it too. That file
 * is never removed. `path` only tells people, and gateways of earlier versions, who holds it.
 */
export const takeFolderLock = (path: string): LockAttempt => {
  const lock = takeOsLock(`${path}.os`);
  if (lock === null) return heldBy(path);
  try {
    const text = readText(path);
    const before = text === null ? null : parseHolder(text);
    // A gateway of an earlier version knows of no other lock than this text.
    if (before !== null && !before.isOs && isAlive(before, path)) {
      lock.close();
      return { taken: false, pid: before.pid, host: before.host };
    }
    const holder: Holder = {
      pid: process.pid,
      started: startedAt(process.pid),
      host: hostname(),
      isOs: true,
    };
    const mine = JSON.stringify(holder);
    tell(path, mine);
    return { taken: true, release: hold(path, mine, lock) };
  } catch (error) {
    lock.close();
    throw error;
  }
};
