import { describe, expect, it } from 'vitest';
import { traceIdOf } from '../../../../domain/telemetry/traceparent.ts';
import {
  http,
  peers,
  PEER_LIST,
  people,
  PUBLIC_PAGES,
  readTemplate,
  rendered,
  stream,
} from './nginx-front.testkit.ts';
import { blockOf, linesOf, named, readNginx, type Directive } from './nginx-tree.testkit.ts';

/** Whether a client certificate is handed on, by location of each listener. */
const PASSES = [
  [people, '/', 'mosaic_public', ''],
  [people, '^~ /api/resources', 'mosaic_public', ''],
  [people, '^~ /api/admin/grants', 'mosaic_public', ''],
  [people, PUBLIC_PAGES, 'mosaic_public', ''],
  [peers, '/federation/', 'mosaic_federation', '$mosaic_client_cert'],
  [peers, PEER_LIST, 'mosaic_public', ''],
] as const;

describe('MUTANTS nginx.conf.tpl every way to the gateway', () => {
  it('is one of those that are looked at here', () => {
    const passing = (server: readonly Directive[]): readonly string[] =>
      named(server, 'location')
        .filter(({ block }) => named(block ?? [], 'proxy_pass').length > 0)
        .map(({ args }) => args.join(' '));
    expect(passing(people)).toEqual(PASSES.slice(0, 4).map(([, location]) => location));
    expect(passing(peers)).toEqual(PASSES.slice(4).map(([, location]) => location));
    // And the two from the edge to these listeners.
    expect(rendered.match(/proxy_pass/g)).toHaveLength(PASSES.length + 2);
  });

  it.each(PASSES)(
    'X-17 (%#) leads to its own application and replaces what a client says of certificates',
    (server, location, upstream, certificate) => {
      const block = blockOf(server, 'location', location);
      const lines = linesOf(block);
      expect(lines.filter((line) => line.startsWith('proxy_pass '))).toEqual([
        `proxy_pass http://${upstream}`,
      ]);
      // A location with a header of its own inherits none from around it, so each includes them.
      expect(lines).toContain('include proxy-headers.conf');
      expect(lines).toContain('include /run/mosaic/front-proof.conf');
      expect(named(block, 'proxy_set_header').map(({ args }) => args)).toEqual([
        ['Client-Cert', certificate],
      ]);
    },
  );

  it('on the listener of peers is shut but for two, and problems are answered there', () => {
    expect(linesOf(blockOf(peers, 'location', '/'))).toEqual(['return 404']);
    for (const server of [people, peers])
      expect(named(server, 'location').some(({ args }) => args.join(' ').startsWith('@problem_'))).toBe(true);
  });

  it('X-17 replaces every header by which another front may hand a certificate, an address or a trace on', () => {
    expect(linesOf(readNginx(readTemplate('proxy-headers.conf'))).toSorted()).toEqual(
      [
        'proxy_set_header Host $host',
        'proxy_set_header Connection ',
        'proxy_set_header X-Forwarded-For $remote_addr',
        'proxy_set_header X-Forwarded-Proto https',
        'proxy_set_header Forwarded ',
        'proxy_set_header Client-Cert-Chain ',
        'proxy_set_header X-SSL-Client-Cert ',
        'proxy_set_header X-Forwarded-Client-Cert ',
        'proxy_set_header Upgrade ',
        'proxy_set_header Tracestate ',
        'proxy_set_header Baggage ',
        'proxy_set_header Mosaic-Trace-Id $mosaic_trace_id',
      ].toSorted(),
    );
  });

  it('reaches each application by its own sockets', () => {
    for (const [name, socket] of [
      ['mosaic_public', 'public'],
      ['mosaic_federation', 'federation'],
    ] as const)
      expect(linesOf(blockOf(http, 'upstream', name))).toEqual([
        `zone ${name} 256k`,
        `server unix:/run/mosaic/${socket}.sock max_conns=3500 max_fails=0`,
        expect.stringMatching(/^keepalive \d+$/),
        'keepalive_requests 10000',
      ]);
  });
});

describe('MUTANTS nginx.conf.tpl who is let in', () => {
  const ifs = (server: readonly Directive[]): readonly string[] =>
    named(server, 'if').map(({ args, block }) => `${args.join(' ')} ${linesOf(block ?? []).join(' ')}`);

  it('peers show a certificate of this authority that no list names', () => {
    expect(linesOf(peers)).toEqual(
      expect.arrayContaining([
        'ssl_client_certificate /run/mosaic/client-ca.pem',
        'ssl_crl /run/mosaic/crl.pem',
        'ssl_verify_client optional',
        'ssl_verify_depth 2',
        'error_page 495 496 = @refused',
      ]),
    );
    expect(ifs(peers)).toEqual([
      '($mosaic_ancient) return 444',
      '($mosaic_uncertified) return 496',
      '($mosaic_chunked) return 411',
    ]);
    expect(linesOf(people).filter((line) => line.startsWith('ssl_'))).toEqual([]);
    expect(ifs(people)).toEqual(['($mosaic_ancient) return 444', '($mosaic_chunked) return 411']);
  });

  it('a refused certificate is 401 as a problem, written down for the audit, kept by nobody and not limited', () => {
    expect(linesOf(blockOf(peers, 'location', '@refused'))).toEqual([
      'internal',
      'keepalive_timeout 0',
      'limit_conn_dry_run on',
      'limit_req_dry_run on',
      'access_log /var/log/mosaic/access.log mosaic buffer=32k flush=1s',
      'access_log /var/log/mosaic/refused.log mosaic buffer=32k flush=1s',
      'default_type application/problem+json',
      'add_header Cache-Control no-store always',
      'return 401 $mosaic_refusal',
    ]);
  });

  it('no session is resumed, because that would skip the list', () => {
    expect(linesOf(http)).toEqual(
      expect.arrayContaining([
        'ssl_protocols TLSv1.2 TLSv1.3',
        'ssl_certificate /run/mosaic/server.pem',
        'ssl_certificate_key /run/mosaic/server.key',
        'ssl_session_cache off',
        'ssl_session_tickets off',
        'ssl_prefer_server_ciphers off',
      ]),
    );
  });

  it('both listeners speak TLS, and HTTP/2 is for people only', () => {
    expect(linesOf(named(people, 'listen'))).toEqual([
      'listen unix:/run/mosaic/edge-public.sock ssl http2 proxy_protocol backlog=4096',
    ]);
    expect(linesOf(named(peers, 'listen'))).toEqual([
      'listen unix:/run/mosaic/edge-federation.sock ssl proxy_protocol backlog=4096',
    ]);
    expect(linesOf(people)).toContain('http2_max_concurrent_streams 32');
    for (const server of [people, peers]) expect(linesOf(server)).toContain('server_name work.example');
  });

  /** What a map gives for a text: the first pattern that matches, in its order. */
  const mapOf = (variable: string): readonly Directive[] =>
    named(http, 'map').find(({ args }) => args[1] === variable)?.block ?? [];
  const mapped = (variable: string, text: string): string => {
    const entries = mapOf(variable);
    const found = entries.find(({ name }) =>
      name.startsWith('~') ? new RegExp(name.slice(1)).test(text) : name === text,
    );
    const value = (found ?? entries.find(({ name }) => name === 'default'))?.args[0] ?? '';
    const match = found?.name.startsWith('~') === true ? new RegExp(found.name.slice(1)).exec(text) : null;
    return value.replace(/^\$(mosaic_\w+)$/, (whole, group: string) => match?.groups?.[group] ?? whole);
  };
  const sourceOf = (variable: string): string =>
    named(http, 'map').find(({ args }) => args[1] === variable)?.args[0] ?? '';

  it.each([
    ['SUCCESS /federation/v1/tasks', '0'],
    ['NONE /pki/crl', '0'],
    ['NONE /pki/root.pem', '0'],
    ['NONE /_problem/400', '0'],
    ['FAILED /_problem/400', '0'],
    ['NONE /federation/v1/tasks', '1'],
    ['NONE /pki/crlx', '1'],
    ['NONE /x/pki/crl', '1'],
    ['NONE /pki/rootxpem', '1'],
    ['FAILED:certificate revoked /pki/crl', '1'],
    ['FAILED:x SUCCESS /federation/', '1'],
    ['FAILED:x NONE /pki/crl', '1'],
    ['FAILED:x NONE /_problem/400', '1'],
    ['NONE /x /_problem/', '1'],
    ['', '1'],
  ])('without a good certificate %j is refused: %s', (text, refused) => {
    expect(sourceOf('$mosaic_uncertified')).toBe('$ssl_client_verify $uri');
    expect(mapped('$mosaic_uncertified', text)).toBe(refused);
  });

  it.each([
    ['/api/me ', '0'],
    ['/api/me chunked', '1'],
    ['/_problem/411 chunked', '0'],
    ['/x/_problem/ chunked', '1'],
  ])('a chunked body at %j is refused: %s', (text, refused) => {
    expect(sourceOf('$mosaic_chunked')).toBe('$uri $http_transfer_encoding');
    expect(mapped('$mosaic_chunked', text)).toBe(refused);
  });

  it.each([
    ['HTTP/1.1 /', '0'],
    ['HTTP/2.0 /', '0'],
    ['HTTP/0.9 /', '1'],
    [' /', '1'],
    ['HTTP/0.9 /_problem/400', '0'],
    ['HTTP/1.1 /HTTP/0', '0'],
  ])('a request of %j is older than headers: %s', (text, ancient) => {
    expect(sourceOf('$mosaic_ancient')).toBe('$server_protocol $uri');
    expect(mapped('$mosaic_ancient', text)).toBe(ancient);
  });

  it('whoever showed a good certificate is counted by it, and everybody else by the network', () => {
    // What is named by no rule is counted, and a trace that is none is not logged: each map says so itself.
    for (const variable of [
      '$mosaic_trace_id',
      '$mosaic_network',
      '$mosaic_stranger',
      '$mosaic_peer',
      '$mosaic_path',
    ])
      expect([variable, named(mapOf(variable), 'default')]).toEqual([variable, [expect.anything()]]);
    expect(mapOf('$mosaic_path').length).toBeGreaterThan(2);
    for (const variable of ['$mosaic_stranger', '$mosaic_peer'])
      expect(sourceOf(variable)).toBe('$ssl_client_verify');
    expect([mapped('$mosaic_stranger', 'SUCCESS'), mapped('$mosaic_peer', 'SUCCESS')]).toEqual([
      '',
      '$ssl_client_fingerprint',
    ]);
    for (const verify of ['NONE', 'FAILED:x'])
      expect([mapped('$mosaic_stranger', verify), mapped('$mosaic_peer', verify)]).toEqual([
        '$mosaic_network',
        '',
      ]);
  });

  const [ID, SPAN] = ['a'.repeat(32), 'b'.repeat(16)];
  it.each([
    `00-${ID}-${SPAN}-01`,
    `00-${ID}-${SPAN}-01-more`,
    `01-${ID}-${SPAN}-01-more`,
    `01-${ID}-${SPAN}-01more`,
    `ff-${ID}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${ID}-${'0'.repeat(16)}-01`,
    `00-${ID.toUpperCase()}-${SPAN}-01`,
    `x00-${ID}-${SPAN}-01`,
    `00-${ID}-${SPAN}-01x`,
    `00-${ID}-${SPAN}-01, 00-${ID}-${SPAN}-01`,
    'secret',
    '',
  ])('F-54 the id of a request is that of its trace, as the gateway reads it: %j', (text) => {
    expect(sourceOf('$mosaic_trace_id')).toBe('$http_traceparent');
    expect(mapped('$mosaic_trace_id', text)).toBe(traceIdOf(text) ?? '$request_id');
  });

  it('a status is logged as a number that JSON knows', () => {
    for (const [block, variable] of [
      [http, '$mosaic_status'],
      [stream, '$mosaic_edge_status'],
    ] as const) {
      const [map] = named(block, 'map').filter(({ args }) => args[1] === variable);
      expect(map?.args).toEqual(['$status', variable]);
      expect(map?.block?.map(({ name, args }) => [name, ...args])).toEqual([
        ['default', '$status'],
        ['~^0', '0'],
      ]);
    }
  });

  it('of a method is logged what is one', () => {
    expect([
      mapped('$mosaic_method', 'GET'),
      mapped('$mosaic_method', 'XGET'),
      mapped('$mosaic_method', 'GETX'),
    ]).toEqual(['$request_method', 'other', 'other']);
  });
});
