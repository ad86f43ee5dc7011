import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { untar } from './untar.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mosaic-untar-'));
  mkdirSync(join(folder, 'in/deep'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const pack = (...args: string[]): Buffer => execFileSync('tar', ['-czf', '-', '--format=ustar', ...args]);

describe('unpacking a template', () => {
  it('makes the same files and folders, for this user alone', () => {
    const content = Buffer.from(Uint8Array.from({ length: 70_000 }, (_, index) => index % 251));
    writeFileSync(join(folder, 'in/deep/file'), content);
    writeFileSync(join(folder, 'in/empty'), '');
    untar(pack('-C', join(folder, 'in'), '.'), join(folder, 'out'));
    expect(readFileSync(join(folder, 'out/deep/file')).equals(content)).toBe(true);
    expect(readFileSync(join(folder, 'out/empty'))).toHaveLength(0);
    expect(statSync(join(folder, 'out/deep/file')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'out/deep')).mode & 0o777).toBe(0o700);
  });

  it('refuses a path that leaves the folder, and links', () => {
    writeFileSync(join(folder, 'in/evil'), 'x');
    const climbing = pack('-P', '-C', join(folder, 'in'), '--transform', 's,evil,../../evil,', 'evil');
    expect(() => untar(climbing, join(folder, 'out'))).toThrow('an archive may not hold ../../evil');
    expect(existsSync(join(folder, '../evil'))).toBe(false);
    symlinkSync('/etc/passwd', join(folder, 'in/link'));
    expect(() => untar(pack('-C', join(folder, 'in'), 'link'), join(folder, 'out'))).toThrow(/type 2/);
  });
});
