import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFrontEdge, statusOf, type FrontEdge } from '../../devstack/components/front-edge.ts';
import { programs } from '../../devstack/components/installed.ts';
import { launch, stop, type Component } from '../../devstack/components/process.ts';

const read = (socket: net.Socket): Promise<Buffer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('close', () => resolve(Buffer.concat(chunks)));
  });

describe('X-16 whose connection it is', () => {
  let edge: FrontEdge;
  beforeAll(async () => {
    edge = await openFrontEdge();
  });
  afterAll(() => edge.close());

  const sides = [['public'], ['federation']] as const;
  const portOf = (side: 'public' | 'federation'): number =>
    side === 'public' ? edge.front.publicPort : edge.front.federationPort;

  it.each(sides)('the gateway hears the address that the %s side was reached from', async (side) => {
    const { cert, key } = await edge.client();
    const more = 'X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n';
    const target = side === 'public' ? '/api/me' : '/federation/v1/tasks';
    for (const localAddress of ['127.0.0.7', '127.3.2.1']) {
      const at = { host: '127.0.0.1', port: portOf(side), localAddress };
      const socket = tls.connect({
        socket: net.connect(at),
        servername: 'localhost',
        ca: edge.root,
        cert,
        key,
      });
      socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`);
      expect(statusOf((await read(socket)).toString('latin1'))).toBe(200);
      expect(edge.passed.at(-1)?.headers['x-forwarded-for']).toBe(localAddress);
    }
  });

  it.each(sides)('a PROXY header from outside is not believed on the %s side', async (side) => {
    const before = edge.passed.length;
    const version2 = Buffer.from('0d0a0d0a000d0a515549540a2111000ccb007109cb00710800010002', 'hex');
    for (const header of [Buffer.from('PROXY TCP4 203.0.113.9 203.0.113.8 1 2\r\n'), version2]) {
      const raw = net.connect({ host: '127.0.0.1', port: portOf(side) });
      raw.on('error', () => undefined);
      await once(raw, 'connect');
      raw.on('error', () => undefined);
      raw.write(header);
      const socket = tls.connect({ socket: raw, servername: 'localhost', ca: edge.root });
      socket.on('error', () => undefined);
      socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await new Promise<void>((resolve) => raw.once('close', () => resolve()));
    }
    expect(edge.passed.length).toBe(before);
  });
});

describe('X-16 behind a proxy that passes TLS on', () => {
  const heard = async (proxies: readonly string[], header: string): Promise<string | undefined> => {
    const edge = await openFrontEdge({ proxies });
    try {
      const raw = net.connect({ host: '127.0.0.1', port: edge.front.publicPort });
      await once(raw, 'connect');
      raw.on('error', () => undefined);
      raw.write(header);
      const socket = tls.connect({ socket: raw, servername: 'localhost', ca: edge.root });
      socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await read(socket);
      return edge.passed.at(-1)?.headers['x-forwarded-for'];
    } finally {
      await edge.close();
    }
  };

  it.each([
    ['one that was named', ['127.0.0.0/8'], 'PROXY TCP4 203.0.113.9 203.0.113.8 1 2\r\n', '203.0.113.9'],
    ['another one', ['10.0.0.0/8'], 'PROXY TCP4 203.0.113.9 203.0.113.8 1 2\r\n', '127.0.0.1'],
    ['nobody', ['127.0.0.0/8'], '', undefined],
  ])('%s says for whom', async (_name, proxies, header, address) => {
    expect(await heard(proxies, header)).toBe(address);
  });
});

/** The maps of the real configuration, in a server that answers with what they make of an address. */
describe('F-2 who an address is counted as', () => {
  let folder: string;
  let nginx: Component;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'mosaic-maps-'));
    chmodSync(folder, 0o777);
    const edge = await openFrontEdge();
    const rendered = readFileSync(path.join(edge.front.folder, 'nginx.conf'), 'utf8');
    await edge.close();
    const stream = rendered.slice(rendered.indexOf('stream {'), rendered.indexOf('\nhttp {'));
    const maps = stream.match(/map \$binary_remote_addr [\s\S]*?\n {2}\}/g) ?? [];
    if (maps.length !== 2) throw new Error('there are two maps of addresses');
    const config = `${rendered.match(/^load_module .*stream.*$/m)?.[0] ?? ''}
daemon off; pid ${folder}/nginx.pid; events {}
stream {
  ${maps.join('\n')}
  server { listen unix:${folder}/maps.sock proxy_protocol; set_real_ip_from unix:; return $mosaic_network|$mosaic_neighbours; }
}`;
    writeFileSync(path.join(folder, 'nginx.conf'), config);
    nginx = await launch({
      name: 'maps',
      command: programs.nginx,
      args: ['-e', path.join(folder, 'error.log'), '-c', path.join(folder, 'nginx.conf')],
      folder,
      ready: async () => (await keysOf('192.0.2.1')).length === 2,
    });
  });
  afterAll(async () => {
    await stop(nginx);
    rmSync(folder, { recursive: true, force: true });
  });

  const keysOf = async (address: string): Promise<readonly string[]> => {
    const socket = net.connect(path.join(folder, 'maps.sock'));
    const family = net.isIPv6(address) ? 'TCP6' : 'TCP4';
    socket.write(`PROXY ${family} ${address} ${family === 'TCP6' ? '::1' : '192.0.2.1'} 1 2\r\n`);
    const hex = (await read(socket)).toString('hex');
    return hex === '' ? [] : hex.split('7c');
  };

  it.each([
    ['192.0.2.1', 'c0000201', 'c00002'],
    ['192.0.2.10', 'c000020a', 'c00002'],
    // As a listener with ipv6only=off tells it: not all of IPv4 in one /64.
    ['::ffff:192.0.2.1', 'c0000201', 'c00002'],
    ['2001:db8:1:2::1', '20010db800010002', '20010db80001'],
    ['2001:db8:1:2:ffff:ffff:ffff:ffff', '20010db800010002', '20010db80001'],
    ['2001:db8:1:3::1', '20010db800010003', '20010db80001'],
    // One /64, however it is written.
    ['2001:db8:1::9', '20010db800010000', '20010db80001'],
    ['2001:db8:1:0:5:6:7:8', '20010db800010000', '20010db80001'],
    ['2001:db8:0:0:5::', '20010db800000000', '20010db80000'],
    ['2001:db8::5:0:0:1', '20010db800000000', '20010db80000'],
    ['2001:db8:2::a0a', '20010db800020000', '20010db80002'],
    ['::1', '0000000000000000', '000000000000'],
  ])('%s', async (address, network, neighbours) => {
    expect(await keysOf(address)).toEqual([network, neighbours]);
  });
});
