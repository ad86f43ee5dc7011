import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../../../domain/errors.ts';
import { BODY_LIMITS, DEFAULT_BODY_LIMIT } from '../../../../domain/limits.ts';
import { FRONT_LIMIT_NAMES, FRONT_LIMITS, frontLimits, readLimit } from './nginx-limits.ts';
import { renderFront, renderNginx, type NginxOptions } from './nginx.ts';

const template = readFileSync(new URL('../../../../infra/nginx/nginx.conf.tpl', import.meta.url), 'utf8');
const options: NginxOptions = {
  configFolder: '/etc/mosaic/nginx',
  runFolder: '/run/mosaic',
  logFolder: '/var/log/mosaic',
  modules: [],
  workers: 'auto',
  daemon: false,
  serverName: 'work.example',
  publicListen: '443',
  federationListen: '8443',
  serverCertificate: '/run/mosaic/front/server.pem',
  serverKey: '/run/mosaic/front/server.key',
  clientAuthorities: '/run/mosaic/front/client-ca.pem',
  revocationLists: '/run/mosaic/front/crl.pem',
  publicSockets: ['/run/mosaic/public.sock'],
  federationSockets: ['/run/mosaic/federation-1.sock', '/run/mosaic/federation-2.sock'],
  frontProof: '/run/mosaic/front/front-proof.conf',
};

describe('renderNginx', () => {
  const rendered = renderNginx(template, options);

  it('fills every placeholder of the template', () => {
    expect(rendered).not.toMatch(/@[A-Z_]+@/);
    expect(rendered).toContain('server unix:/run/mosaic/federation-2.sock');
  });

  it('verifies client certificates against the CRL, without session resumption', () => {
    for (const directive of [
      'ssl_verify_client optional;',
      'if ($mosaic_uncertified) {\n      return 496;',
      'ssl_crl /run/mosaic/front/crl.pem;',
      'ssl_session_cache off;',
      'ssl_session_tickets off;',
      'ssl_protocols TLSv1.2 TLSv1.3;',
    ]) {
      expect(rendered).toContain(directive);
    }
  });

  it('logs nothing of a request as it came: no address, no method, no header', () => {
    const format = /log_format mosaic escape[\s\S]*?;/.exec(rendered)?.[0] ?? '';
    expect(format).toContain('$mosaic_path');
    expect(format).not.toMatch(/\$(uri|request|request_uri|request_method|args|query_string|http_\w+)\b/);
  });

  it('F-2 leaves no replica out for a while, and lets no client keep a connection for ever', () => {
    expect(rendered.match(/server unix:\S+ max_conns=3500 max_fails=0;/g)).toHaveLength(3);
    expect(rendered).toContain('  keepalive_requests 1000;');
    expect(rendered).toContain('proxy_ignore_client_abort on;');
    expect(rendered).not.toContain('http2');
    expect(renderNginx(template, { ...options, isHttp2: true })).toMatch(
      /ssl http2 proxy_protocol backlog=4096;[\s\S]*http2_max_concurrent_streams 32;/,
    );
  });

  it('F-2 counts connections before TLS, for each listener apart, and reads no PROXY header of strangers', () => {
    const stream = rendered.slice(rendered.indexOf('stream {'), rendered.indexOf('\nhttp {'));
    expect(stream.match(/listen \S+ backlog=4096;/g)).toEqual([
      'listen 443 backlog=4096;',
      'listen 8443 backlog=4096;',
    ]);
    for (const side of ['public', 'federation'])
      expect(stream).toContain(
        `limit_conn ${side}_network 1024;\n    limit_conn ${side}_neighbours 2048;\n    limit_conn ${side}_all 10240;`,
      );
    expect(stream).not.toContain('set_real_ip_from');
    expect(rendered.slice(rendered.indexOf('\nhttp {')).match(/listen .*;/g)).toEqual([
      'listen unix:/run/mosaic/edge-public.sock ssl proxy_protocol backlog=4096;',
      'listen unix:/run/mosaic/edge-federation.sock ssl proxy_protocol backlog=4096;',
    ]);
    const proxied = renderNginx(template, { ...options, proxies: ['10.0.0.0/8', 'fd00::/8'] });
    expect(proxied.match(/listen \d+ proxy_protocol backlog=4096;/g)).toHaveLength(2);
    expect(proxied).toContain('  set_real_ip_from 10.0.0.0/8;\n  set_real_ip_from fd00::/8;');
    expect(() => renderNginx(template, { ...options, proxies: ['0.0.0.0/0; return 1'] })).toThrow(RangeError);
    expect(() => frontLimits({ connections_per_listener: 20_000 })).toThrow('connections_per_worker must be');
  });

  it('F-2 keeps a quarter of the federation listener for the networks of peers that are named', () => {
    expect(rendered).not.toMatch(/elsewhere/);
    const kept = renderNginx(template, { ...options, peerNetworks: ['192.0.2.0/24', '2001:db8::/48'] });
    expect(kept).toContain(
      '  geo $mosaic_elsewhere {\n    default 1;\n    192.0.2.0/24 "";\n    2001:db8::/48 "";\n  }\n',
    );
    expect(kept.match(/limit_conn federation_elsewhere 7680;/g)).toHaveLength(1);
    expect(kept).toContain(
      'limit_conn federation_all 10240;\n    limit_conn federation_elsewhere 7680;\n    proxy_pass unix:',
    );
    expect(() => renderNginx(template, { ...options, peerNetworks: ['::/0 ""; }'] })).toThrow(RangeError);
  });

  it('F-3 lets pass the longest body that the gateway takes at each address, and not more by default', () => {
    expect(rendered).toContain(`  client_max_body_size ${DEFAULT_BODY_LIMIT.bytes / 1_024}k;`);
    for (const { path, bytes } of BODY_LIMITS) {
      const location = `location ^~ ${path.replace(/\/$/, '')} {\n      client_max_body_size ${bytes / 1_024}k;`;
      expect(rendered).toContain(location);
    }
  });

  it('F-36 every way to the gateway replaces what a client says in the proof’s place', () => {
    const passes = rendered.match(/proxy_pass http/g)?.length;
    expect(rendered.match(/include \/run\/mosaic\/front\/front-proof\.conf;/g)).toHaveLength(passes ?? 0);
    const without = renderNginx(template, { ...options, frontProof: null });
    expect(without.match(/proxy_set_header Mosaic-Front-Proof "";/g)).toHaveLength(passes ?? 0);
  });

  it('has its limits in docs/reference/configuration.md, and refuses others', () => {
    const page = readFileSync(
      new URL('../../../../docs/reference/configuration.md', import.meta.url),
      'utf8',
    );
    for (const name of FRONT_LIMIT_NAMES) {
      const { value, least, most, about } = FRONT_LIMITS[name];
      const [row = ''] = page.split('\n').filter((line) => line.startsWith(`| \`${name}\``));
      expect([name, row.split('|').map((cell) => cell.trim())]).toEqual([
        name,
        ['', `\`${name}\``, `\`${value}\``, about, ''],
      ]);
      for (const wrong of [least - 1, most + 1, 1.5, Number.NaN])
        expect(() => frontLimits({ [name]: wrong })).toThrow(name);
      expect(readLimit(`${name}=${least}`)).toEqual([name, least]);
    }
    for (const text of ['nothing=1', 'streams_per_connection', 'streams_per_connection=-1', 'toString=1', ''])
      expect(() => readLimit(text)).toThrow(RangeError);
  });

  it('F-57 answers problems in the words of the catalogue', () => {
    const { title, remedy } = ERROR_CATALOGUE.unavailable;
    expect(rendered).toContain(`"title":"${title}"`);
    expect(rendered).toContain(`"remedy":"${remedy}"`);
    const files = renderFront(
      (name) => readFileSync(new URL(`../../../../infra/nginx/${name}`, import.meta.url), 'utf8'),
      options,
    );
    expect([...files.keys()]).toEqual([
      'client-cert.js',
      'proxy-headers.conf',
      'mime-types.conf',
      'nginx.conf',
    ]);
    expect(files.get('client-cert.js')).toContain(ERROR_CATALOGUE.certificate_untrusted.title);
    expect([...files.values()].join('')).not.toMatch(/@[A-Z0-9_]+@/);
  });

  it('reaches the gateway by unix socket only', () => {
    expect(rendered.match(/^\s+server (?!unix:)[^{]*;/gm)).toBeNull();
  });

  it.each([
    ['serverName', 'a; return 200'],
    ['crl with a space', '/run/my crl'],
  ])('refuses %s that would begin another directive', (_name, value) => {
    expect(() => renderNginx(template, { ...options, serverName: value })).toThrow(RangeError);
    expect(() => renderNginx(template, { ...options, publicSockets: [value] })).toThrow(RangeError);
  });

  it('refuses a template with a placeholder that nothing fills', () => {
    expect(() => renderNginx('@NOBODY@', options)).toThrow(/NOBODY/);
  });
});
