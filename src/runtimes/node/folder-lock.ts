import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from './errno.ts';

interface Holder {
  readonly pid: number;
  /** Start time of that process by the kernel's count: a process id alone is used again. */
  readonly started: string | null;
  /** Process ids mean nothing to another machine or container on the same volume. */
  readonly host: string;
}

export type LockAttempt =
  | { readonly taken: true; readonly release: () => void }
  | { readonly taken: false; readonly pid: number; readonly host: string };

const HEARTBEAT_MS = 5_000;
/** A holder on another host that has not been heard of for this long is gone. */
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
    const { pid, started, host } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === 'number' && typeof host === 'string'
      ? { pid, started: started ?? null, host }
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

/** Moves a dead holder's lock away; if another process was faster, what it put there goes back. */
const clearDead = (path: string, dead: string): void => {
  const aside = `${path}.${process.pid}.dead`;
  try {
    renameSync(path, aside);
    if (readText(aside) !== dead) linkSync(aside, path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error;
  }
  rmSync(aside, { force: true });
};

const link = (draft: string, path: string): boolean => {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
};

const hold = (path: string, mine: string): (() => void) => {
  const heartbeat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // The folder is gone or read-only: the database will say so more clearly than a lock could.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    if (readText(path) === mine) rmSync(path, { force: true });
  };
};

/**
 * Takes a lock file for this process (PGlite itself has none, and two processes on one folder destroy it).
 * The lock of a process that is gone is taken over; of several that try, one gets it.
 */
export const takeFolderLock = (path: string): LockAttempt => {
  const holder: Holder = { pid: process.pid, started: startedAt(process.pid), host: hostname() };
  const mine = JSON.stringify(holder);
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, mine);
  try {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      if (link(draft, path)) return { taken: true, release: hold(path, mine) };
      const text = readText(path);
      if (text === null) continue;
      const other = parseHolder(text);
      if (other !== null && isAlive(other, path)) return { taken: false, pid: other.pid, host: other.host };
      clearDead(path, text);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return { taken: false, pid: 0, host: 'unknown' };
};
