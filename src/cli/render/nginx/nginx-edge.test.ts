import { describe, expect, it } from 'vitest';
import { http, peers, PEER_LIST, stream } from './nginx-front.testkit.ts';
import { blockOf, linesOf, named, type Directive } from './nginx-tree.testkit.ts';

describe('F-2 nginx.conf.tpl the edge, before TLS', () => {
  it('counts connections for each listener apart, and passes them on to its own servers', () => {
    const servers = named(stream, 'server').map(({ block }) => linesOf(block ?? []));
    expect(servers).toEqual(
      [
        ['public', '443'],
        ['federation', '8443'],
      ].map(([side, port]) => [
        `listen ${port} backlog=4096`,
        `limit_conn ${side}_network 1024`,
        `limit_conn ${side}_neighbours 2048`,
        `limit_conn ${side}_all 10240`,
        `proxy_pass unix:/run/mosaic/edge-${side}.sock`,
      ]),
    );
    const zones = ['public', 'federation'].flatMap((side) => [
      `limit_conn_zone $mosaic_network zone=${side}_network:4m`,
      `limit_conn_zone $mosaic_neighbours zone=${side}_neighbours:4m`,
      `limit_conn_zone $server_port zone=${side}_all:64k`,
    ]);
    expect(linesOf(stream)).toEqual(expect.arrayContaining(zones));
  });

  it('bounds how long a connection may say nothing, and tells the servers for whom it is', () => {
    expect(linesOf(stream)).toEqual(
      expect.arrayContaining([
        'error_log /dev/null emerg',
        'ssl_preread on',
        'preread_buffer_size 16k',
        'preread_timeout 5s',
        'proxy_protocol on',
        'proxy_connect_timeout 2s',
        'proxy_timeout 75s',
        'proxy_buffer_size 16k',
      ]),
    );
    expect(linesOf(stream).filter((line) => line.startsWith('set_real_ip_from'))).toEqual([]);
    expect(linesOf(http).filter((line) => /real_ip/.test(line))).toEqual([
      'set_real_ip_from unix:',
      'real_ip_header proxy_protocol',
    ]);
  });

  /** What a map gives for a text: the value of the first pattern that matches, as bytes in hexadecimal. */
  const mapped = (block: readonly Directive[], variable: string, text: string): string => {
    const entries = named(block, 'map').find(({ args }) => args[1] === variable)?.block ?? [];
    for (const { name, args } of entries) {
      const match = name.startsWith('~') ? new RegExp(name.slice(1)).exec(text) : null;
      const [value = ''] = args;
      if (match !== null) return value === '' ? '' : (match.groups?.[value.slice(1)] ?? value);
    }
    return entries.find(({ name }) => name === 'default')?.args[0] ?? '';
  };

  it.each([
    ['c0000201', '$binary_remote_addr', 'c00002'],
    ['20010db8000100020000000000000001', '20010db800010002', '20010db80001'],
    ['00000000000000000000000000000001', '0000000000000000', '000000000000'],
    ['00000000000000000000ffffc0000201', 'c0000201', 'c00002'],
    // Reads like a mapped address, but from its second byte on.
    ['0100000000000000000000ffffc00002', '0100000000000000', '010000000000'],
    ['', '$binary_remote_addr', '$binary_remote_addr'],
  ])('the bytes %s of an address count as %s, and as its neighbours’ %s', (bytes, network, neighbours) => {
    const text = Buffer.from(bytes, 'hex').toString('latin1');
    const hex = (value: string): string =>
      value.startsWith('$') ? value : Buffer.from(value, 'latin1').toString('hex');
    for (const block of [stream, http]) expect(hex(mapped(block, '$mosaic_network', text))).toBe(network);
    expect(hex(mapped(stream, '$mosaic_neighbours', text))).toBe(neighbours);
  });

  it('logs connections that were refused, and leaves the others to the log of their requests', () => {
    expect(linesOf(stream)).toContain(
      'access_log /var/log/mosaic/access.log mosaic_edge buffer=32k flush=1s if=$mosaic_refused',
    );
    const [map] = named(stream, 'map').filter(({ args }) => args.join(' ') === '$status $mosaic_refused');
    expect(linesOf(map?.block ?? [])).toEqual(['default 1', '200 0']);
    const [format] = named(stream, 'log_format');
    expect(format?.args.join('')).toContain('"limit":"$limit_conn_status"}');
  });

  it('lets a peer that only fetched a list keep its connection for five seconds', () => {
    expect(linesOf(blockOf(peers, 'location', PEER_LIST))).toContain('keepalive_timeout 5s');
  });

  it.each([
    ['1.2.3.4:GET:', ''],
    ['1.2.3.4:HEAD:', ''],
    ['1.2.3.4:GET:0', ''],
    ['1.2.3.4:GET:5', '$mosaic_stranger'],
    ['1.2.3.4:POST:', '$mosaic_stranger'],
    ['1.2.3.4:POST:0', '$mosaic_stranger'],
    ['1.2.3.4:TARGET:', '$mosaic_stranger'],
  ])('a request %j counts as one with a body for %j', (text, key) => {
    expect(mapped(http, '$mosaic_body', text)).toBe(key);
  });
});
