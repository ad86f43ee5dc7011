import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataFolder } from './data-folder.ts';
import { assertWritable } from '../front/front-folder.ts';
import { listenSocket } from '../http/listen.ts';

let parent: string;
const modeOf = (folder: string): number => statSync(folder).mode & 0o7777;
const made = (name: string, mode: number): string => {
  const folder = join(parent, `${name}-${mode.toString(8)}`);
  mkdirSync(folder);
  chmodSync(folder, mode);
  return folder;
};

beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'mosaic-modes-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

describe('F-40 a folder that others could put something into', () => {
  it.each([0o777, 0o772, 0o770, 0o1777])(
    'with mode %o is no data folder, and the message has the cure',
    (mode) => {
      const folder = made('data', mode);
      expect(() => openDataFolder(folder)).toThrow(`chmod 700 ${folder}`);
      expect(modeOf(folder)).toBe(mode);
    },
  );

  it('one that others may read is closed to them; a new one is its owner’s, whatever the umask', () => {
    const before = process.umask(0);
    try {
      for (const [folder, mode] of [
        [made('data', 0o755), 0o750],
        [made('data', 0o700), 0o700],
        [join(parent, 'new', 'data'), 0o700],
      ] as const) {
        openDataFolder(folder).release();
        expect([folder, modeOf(folder)]).toEqual([folder, mode]);
      }
    } finally {
      process.umask(before);
    }
  });

  it.each([0o777, 0o775, 0o1777])('with mode %o keeps nothing for nginx', (mode) => {
    const folder = made('front', mode);
    expect(() => assertWritable(folder)).toThrow(`chmod 750 ${folder}`);
  });

  it('a front’s folder that others may only read is fine', () => {
    assertWritable(made('front', 0o755));
    assertWritable(made('front', 0o750));
  });

  it('a socket is not opened where another user could replace it; in a folder like /tmp nobody can', async () => {
    const server = createServer();
    const open = made('run', 0o777);
    await expect(listenSocket(server, join(open, 's.sock'))).rejects.toThrow(`chmod o-w ${open}`);
    const shared = made('run', 0o1777);
    await listenSocket(server, join(shared, 's.sock'));
    expect(modeOf(join(shared, 's.sock'))).toBe(0o660);
    await new Promise((resolve) => server.close(resolve));
  });
});
