import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createForger } from '../../../ca/testing/forge.testkit.ts';
import { OID } from '../../../ca/x509/oids.ts';
import { runCli, startCli } from './process.testkit.ts';

/** Servers that are down, hang or lie: the command line ends in time, with the right code, and shows nothing wrong. */
const open: Server[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => new Promise((done) => server.close(done))));
});

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const answering = (handler: RequestListener): Promise<string> => listen(createServer(handler));

const list = (url: string, ...more: readonly string[]) =>
  runCli(['user', 'list', '--json', '--url', url, '--timeout', '1', ...more], {
    env: { MOSAIC_TOKEN: 'mos_canary' },
  });

const codeOf = (err: string): string => (JSON.parse(err) as { error: { code: string } }).error.code;

describe('a server that can not be reached: 3', () => {
  it('nothing listens', async () => {
    const url = await answering(() => undefined);
    const server = open.pop();
    await new Promise((done) => server?.close(done));
    const { code, out, err } = await list(url);
    expect({ code, out, reason: codeOf(err) }).toEqual({ code: 3, out: '', reason: 'unreachable' });
    expect(err).toContain('ECONNREFUSED');
  });

  it('no such host', async () => {
    expect(await list('http://no-such-host.invalid')).toMatchObject({ code: 3, out: '' });
  });

  it.each([
    ['expired', -48, -24, 'has expired', 'renew the certificate of its front'],
    ['not valid yet', 24, 48, 'is not valid yet', 'set them right'],
  ])('F-56 its certificate is %s: by which clock, and what to do', async (_what, from, to, cause, cure) => {
    const hours = (n: number): Date => new Date(Date.now() + n * 3_600_000);
    const forger = await createForger('front');
    const { pem, keyPem } = await forger.leaf([], {
      purpose: OID.serverAuth,
      notBefore: hours(from),
      notAfter: hours(to),
    });
    const server = createTlsServer({ cert: pem, key: keyPem }, (_request, response) => response.end());
    const url = (await listen(server)).replace('http:', 'https:');
    const folder = await mkdtemp(join(tmpdir(), 'mosaic-cli-tls-'));
    await writeFile(join(folder, 'root.pem'), forger.rootPem);
    const { code, out, err } = await runCli(['user', 'list', '--json', '--url', url, '--timeout', '20'], {
      env: { MOSAIC_TOKEN: 'mos_canary', NODE_EXTRA_CA_CERTS: join(folder, 'root.pem') },
    });
    await rm(folder, { recursive: true });
    expect({ code, out, reason: codeOf(err) }).toEqual({ code: 3, out: '', reason: 'unreachable' });
    expect(err).toContain(`By this machine’s clock the certificate of ${url} ${cause}`);
    expect(err).toMatch(new RegExp(cure));
    expect(err).not.toContain('gateway start');
  });

  it('accepts and says nothing', async () => {
    const sockets: { destroy(): void }[] = [];
    const url = await listen(createTcpServer((socket) => void sockets.push(socket)));
    const began = performance.now();
    const { code, err } = await list(url);
    for (const socket of sockets) socket.destroy();
    expect(code).toBe(3);
    expect(err).toContain('no answer in time');
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  it('stops in the middle of the answer', async () => {
    const url = await answering((_, response) => void response.write('{"items": ['));
    const { code, out } = await list(url);
    for (const server of open) (server as ReturnType<typeof createServer>).closeAllConnections();
    expect({ code, out }).toEqual({ code: 3, out: '' });
  });

  it('hangs up', async () => {
    const url = await listen(createTcpServer((socket) => socket.destroy()));
    expect(await list(url)).toMatchObject({ code: 3, out: '' });
  });
});

describe('a server that lies: 1', () => {
  it.each([
    ['a page of HTML', 200, '<html></html>'],
    ['an empty body', 200, ''],
    ['a list that is none', 200, '{"items": "all of them", "next_cursor": null}'],
    ['a row of another kind', 200, '{"items": [{"id": 1}], "next_cursor": null}'],
    ['a redirect to elsewhere', 307, ''],
    ['an error without a problem', 500, 'boom'],
  ])('%s', async (_, status, body) => {
    let asked = 0;
    const url = await answering((_request, response) => {
      asked += 1;
      response.writeHead(status, { location: 'http://127.0.0.1:9/elsewhere' }).end(body);
    });
    const { code, out, err } = await list(url);
    expect({ code, out, reason: codeOf(err), asked }).toEqual({
      code: 1,
      out: '',
      reason: 'unexpected_answer',
      asked: 1,
    });
    expect(err).not.toContain('mos_canary');
  });

  it('an answer without end is cut off', async () => {
    const url = await answering((_, response) => {
      const chunk = 'x'.repeat(1024 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    const { code, err } = await list(url, '--timeout', '20');
    expect({ code, reason: codeOf(err) }).toEqual({ code: 1, reason: 'unexpected_answer' });
  });

  it('X-77 control characters in rows and problems stay text', async () => {
    const created_at = '2026-11-22T12:00:00.000Z';
    const items = [{ id: 'x\u001b[31m', name: '\u001b]0;pwned\u0007', is_admin: true, created_at }];
    const url = await answering(
      (_, response) => void response.end(JSON.stringify({ items, next_cursor: '\u001b[2J' })),
    );
    for (const more of [[], ['--json']]) {
      const { code, out, err } = await runCli(['user', 'list', '--limit', '1', '--url', url, ...more]);
      expect(code).toBe(0);
      // oxlint-disable-next-line no-control-regex -- controls are what this is about
      expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });
});

describe('as a process', () => {
  it('a reader that goes away ends it quietly', async () => {
    const created_at = '2026-11-22T12:00:00.000Z';
    const items = Array.from({ length: 20_000 }, (_, index) => ({
      id: `${index}`,
      name: 'n',
      is_admin: false,
      created_at,
    }));
    const url = await answering(
      (_, response) => void response.end(JSON.stringify({ items, next_cursor: null })),
    );
    const running = startCli(['user', 'list', '--all', '--json', '--url', url]);
    running.child.stdout?.once('data', () => running.child.stdout?.destroy());
    const { code, signal, err } = await running.finished;
    expect({ code, signal, err }).toEqual({ code: 0, signal: null, err: '' });
  });

  it('Ctrl-C ends a command that waits', async () => {
    let arrived: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    const url = await answering(() => arrived());
    const running = startCli(['user', 'list', '--url', url]);
    await asked;
    running.child.kill('SIGINT');
    expect(await running.finished).toMatchObject({ signal: 'SIGINT', out: '' });
    for (const server of open) (server as ReturnType<typeof createServer>).closeAllConnections();
  });
});
