import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fork } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenSocket, listenTcp } from './listen.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mosaic-listen-'));
  path = join(folder, 's');
});
afterEach(() => rmSync(folder, { recursive: true }));

const closed = (server: ReturnType<typeof createServer>): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));

describe('a Unix socket for a front', () => {
  it('is for owner and group alone', async () => {
    const server = createServer();
    await listenSocket(server, path);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await closed(server);
  });

  it('that a killed process left behind is replaced', async () => {
    writeFileSync(
      join(folder, 'leave.mjs'),
      `import { createServer } from 'node:net'; createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'));`,
    );
    const child = fork(join(folder, 'leave.mjs'));
    await new Promise((resolve) => child.once('exit', resolve));
    expect(existsSync(path)).toBe(true);
    const server = createServer();
    await listenSocket(server, path);
    await closed(server);
  });

  it('that another process uses is left alone, and so is a file', async () => {
    const first = createServer();
    await listenSocket(first, path);
    await expect(listenSocket(createServer(), path)).rejects.toThrow(
      /another process does \(listen\.federation\.socket\)/,
    );
    await closed(first);
    writeFileSync(path, 'precious');
    await expect(listenSocket(createServer(), path)).rejects.toThrow(/that is a file, not a socket/);
    expect(existsSync(path)).toBe(true);
  });
});

describe('a TCP listener', () => {
  it.each([
    ['203.0.113.1', 0, /no such address/],
    ['no-such-host.invalid', 0, /does not resolve|ENOTFOUND|EAI_AGAIN/],
  ])('on %s says what is wrong', async (host, port, message) => {
    await expect(listenTcp(createServer(), host, port, 'listen.public')).rejects.toThrow(message);
  });
});
