import { describe, expect, it } from 'vitest';
import { folderOfSocket, socketFolderFault } from './socket-folder.ts';

const OWN = 1000;

describe('F-40 the folder of a socket, on every runtime', () => {
  it.each([
    ['0750 of its own', 0o40750, OWN],
    ['0770 of its own, the group being the front’s', 0o40770, OWN],
    ['0755 of root’s', 0o40755, 0],
    ['1777 of root’s, as /tmp', 0o41777, 0],
    ['a host that knows neither', null, null],
  ])('is fine with %s', (_name, mode, uid) => {
    expect(socketFolderFault('/run/mosaic', { mode, uid }, OWN)).toBeNull();
  });

  it.each([
    ['0777 of its own', 0o40777, OWN, 'chmod o-w /run/mosaic'],
    ['0752 of root’s', 0o40752, 0, 'chmod o-w /run/mosaic'],
    ['0755 of another user', 0o40755, 33, 'chown 1000 /run/mosaic'],
    ['1777 of another user', 0o41777, 33, 'chown 1000 /run/mosaic'],
  ])('is refused with %s, and the fault has its cure', (_name, mode, uid, cure) => {
    expect(socketFolderFault('/run/mosaic', { mode, uid }, OWN)?.cure).toContain(cure);
  });

  it('root itself opens no socket in a folder of another user', () => {
    expect(socketFolderFault('/run/mosaic', { mode: 0o40755, uid: 33 }, 0)).not.toBeNull();
  });

  it.each([
    ['/run/mosaic/f.sock', '/run/mosaic'],
    ['/f.sock', '/'],
    ['f.sock', '.'],
    ['run/f.sock', 'run'],
  ])('of %s is %s', (path, folder) => {
    expect(folderOfSocket(path)).toBe(folder);
  });
});
