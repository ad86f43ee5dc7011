import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderNginx, type NginxOptions } from './nginx.ts';

const template = readFileSync(new URL('../../../infra/nginx/nginx.conf.tpl', import.meta.url), 'utf8');
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
};

describe('renderNginx', () => {
  const rendered = renderNginx(template, options);

  it('fills every placeholder of the template', () => {
    expect(rendered).not.toMatch(/@[A-Z_]+@/);
    expect(rendered).toContain('server unix:/run/mosaic/federation-2.sock');
  });

  it('verifies client certificates against the CRL, without session resumption', () => {
    for (const directive of [
      'ssl_verify_client on;',
      'ssl_crl /run/mosaic/front/crl.pem;',
      'ssl_session_cache off;',
      'ssl_session_tickets off;',
      'ssl_protocols TLSv1.2 TLSv1.3;',
    ]) {
      expect(rendered).toContain(directive);
    }
  });

  it('logs no query string', () => {
    const format = /log_format[\s\S]*?;/.exec(rendered)?.[0] ?? '';
    expect(format).toContain('$uri');
    expect(format).not.toMatch(/\$(request|request_uri|args|query_string|http_referer)\b/);
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
