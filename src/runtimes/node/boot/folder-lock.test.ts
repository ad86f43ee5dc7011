import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeFolderLock } from './folder-lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mosaic-lock-'));
  path = join(folder, 'gateway.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

const holder = (fields: object): void =>
  writeFileSync(path, JSON.stringify({ pid: process.pid, started: null, host: hostname(), ...fields }));

describe('the lock of a data folder', () => {
  it('is given once, and again after its release', () => {
    const first = takeFolderLock(path);
    expect(first.taken).toBe(true);
    expect(takeFolderLock(path)).toEqual({ taken: false, pid: process.pid, host: hostname() });
    if (first.taken) first.release();
    const second = takeFolderLock(path);
    expect(second.taken).toBe(true);
    if (second.taken) second.release();
    expect(readdirSync(folder)).toEqual(['gateway.lock.os']);
  });

  it.each([
    ['a process that is gone', { pid: 2 ** 22 + 1 }],
    ['a process whose number another has now', { started: '1' }],
    ['a text that is no lock', { pid: 'x' }],
  ])('of %s is taken over', (_name, fields) => {
    holder(fields);
    const lock = takeFolderLock(path);
    expect(lock.taken).toBe(true);
    if (lock.taken) lock.release();
  });

  it('F-34 is readable by its own user alone, whatever the umask, and is not lost to whoever reads its files', () => {
    const before = process.umask(0);
    const first = takeFolderLock(path);
    process.umask(before);
    const modes = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600]);
    // What a backup does, from this very process: it must not end the lock.
    for (const name of readdirSync(folder)) if (!name.endsWith('.os')) readFileSync(join(folder, name));
    expect(takeFolderLock(path).taken).toBe(false);
    if (first.taken) first.release();
  });

  it('F-34 is not given away because its holder has the id of a process that is gone in this container', () => {
    const first = takeFolderLock(path);
    holder({ pid: 2 ** 22 + 1, host: 'elsewhere', isOs: true });
    const longAgo = new Date(Date.now() - 600_000);
    utimesSync(path, longAgo, longAgo);
    expect(takeFolderLock(path)).toEqual({ taken: false, pid: 2 ** 22 + 1, host: 'elsewhere' });
    if (first.taken) first.release();
    const second = takeFolderLock(path);
    expect(second.taken).toBe(true);
    if (second.taken) second.release();
  });

  it('of an earlier version’s process that lives is respected, whoever it belongs to', () => {
    holder({ pid: 1 });
    expect(takeFolderLock(path)).toMatchObject({ taken: false, pid: 1 });
  });

  it('of an earlier version on another host is respected until it has been silent for long', () => {
    holder({ pid: 2 ** 22 + 1, host: 'elsewhere' });
    expect(takeFolderLock(path)).toMatchObject({ taken: false, host: 'elsewhere' });
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(path, longAgo, longAgo);
    const lock = takeFolderLock(path);
    expect(lock.taken).toBe(true);
    if (lock.taken) lock.release();
  });
});
