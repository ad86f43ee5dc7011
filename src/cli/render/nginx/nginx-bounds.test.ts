import { describe, expect, it } from 'vitest';
import { http, main, peers, PEER_LIST, people, PUBLIC_PAGES } from './nginx-front.testkit.ts';
import { blockOf, linesOf, type Directive } from './nginx-tree.testkit.ts';

describe('MUTANTS nginx.conf.tpl what one client can take', () => {
  it('slow and oversized clients are let go of', () => {
    expect(linesOf(http)).toEqual(
      expect.arrayContaining([
        'client_header_timeout 10s',
        'client_body_timeout 10s',
        'send_timeout 15s',
        'keepalive_timeout 60s',
        'keepalive_requests 1000',
        'lingering_time 10s',
        'lingering_timeout 2s',
        'client_header_buffer_size 4k',
        'large_client_header_buffers 4 16k',
        expect.stringMatching(/^client_max_body_size \d+k$/),
        'reset_timedout_connection on',
        'underscores_in_headers off',
        'ignore_invalid_headers on',
      ]),
    );
  });

  it('connections and requests are bounded by network and by certificate, with 429', () => {
    expect(linesOf(http)).toEqual(
      expect.arrayContaining([
        'limit_conn_zone $mosaic_stranger zone=address:10m',
        'limit_conn_zone $mosaic_body zone=address_bodies:10m',
        'limit_conn_zone $mosaic_peer zone=certificate:10m',
        expect.stringMatching(/^limit_req_zone \$mosaic_stranger zone=address_rate:10m rate=\d+r\/s$/),
        expect.stringMatching(/^limit_req_zone \$mosaic_peer zone=certificate_rate:10m rate=\d+r\/s$/),
        expect.stringMatching(/^limit_req_zone \$mosaic_network zone=page_rate:10m rate=\d+r\/s$/),
        'limit_conn_status 429',
        'limit_req_status 429',
      ]),
    );
    const limits = (directives: readonly Directive[]): readonly string[] =>
      linesOf(directives).filter((line) => line.startsWith('limit_'));
    const address: readonly unknown[] = [
      expect.stringMatching(/^limit_conn address \d+$/),
      expect.stringMatching(/^limit_conn address_bodies \d+$/),
      expect.stringMatching(/^limit_req zone=address_rate burst=\d+ nodelay$/),
    ];
    expect(limits(people)).toEqual(address);
    expect(limits(peers)).toEqual([
      ...address.slice(0, 2),
      expect.stringMatching(/^limit_conn certificate \d+$/),
      address[2],
      expect.stringMatching(/^limit_req zone=certificate_rate burst=\d+ nodelay$/),
    ]);
    for (const [server, location] of [
      [people, PUBLIC_PAGES],
      [peers, PEER_LIST],
    ] as const) {
      const block = blockOf(server, 'location', location);
      expect(limits(block)).toEqual([expect.stringMatching(/^limit_req zone=page_rate burst=\d+ nodelay$/)]);
      expect(linesOf(block)).toContain('proxy_buffers 64 16k');
    }
  });

  it('a gateway hears of whole requests only, is not asked twice, and is not waited for without end', () => {
    expect(linesOf(http).filter((line) => line.startsWith('proxy_') && !line.includes('_path'))).toEqual([
      'proxy_http_version 1.1',
      'proxy_connect_timeout 2s',
      'proxy_read_timeout 30s',
      'proxy_send_timeout 10s',
      'proxy_buffering on',
      'proxy_request_buffering on',
      'proxy_buffers 16 16k',
      'proxy_max_temp_file_size 0',
      'proxy_ignore_client_abort on',
      'proxy_next_upstream error',
      'proxy_next_upstream_tries 2',
    ]);
  });

  it('logs and temporary files stand in its own folders, and the log of requests names no request', () => {
    expect(linesOf(main)).toEqual([
      'load_module /usr/lib/ngx_http_js_module.so',
      'worker_processes 2',
      expect.stringMatching(/^worker_rlimit_nofile \d+$/),
      'worker_shutdown_timeout 120s',
      'pid /run/mosaic/nginx.pid',
      'error_log /var/log/mosaic/error.log warn',
      'daemon off',
    ]);
    expect(linesOf(blockOf(main, 'events'))).toEqual([
      expect.stringMatching(/^worker_connections \d+$/),
      'multi_accept on',
    ]);
    expect(linesOf(http)).toEqual(
      expect.arrayContaining([
        'error_log /dev/null emerg',
        'include mime-types.conf',
        'js_path /etc/mosaic',
        'js_import client_cert from client-cert.js',
        'js_set $mosaic_client_cert client_cert.header',
        'js_set $mosaic_refusal client_cert.refusal',
        'access_log /var/log/mosaic/access.log mosaic buffer=32k flush=1s',
        'server_tokens off',
        ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
          (name) => `${name}_temp_path /run/mosaic/${name === 'client_body' ? 'body' : name}`,
        ),
      ]),
    );
  });
});
