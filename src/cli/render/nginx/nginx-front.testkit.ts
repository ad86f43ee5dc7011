import { readFileSync } from 'node:fs';
import { renderNginx } from './nginx.ts';
import { blockOf, named, readNginx, type Directive } from './nginx-tree.testkit.ts';

export const readTemplate = (name: string): string =>
  readFileSync(new URL(`../../../../infra/nginx/${name}`, import.meta.url), 'utf8');
export const rendered = renderNginx(readTemplate('nginx.conf.tpl'), {
  configFolder: '/etc/mosaic',
  runFolder: '/run/mosaic',
  logFolder: '/var/log/mosaic',
  modules: ['/usr/lib/ngx_http_js_module.so'],
  workers: 2,
  daemon: false,
  serverName: 'work.example',
  publicListen: '443',
  federationListen: '8443',
  serverCertificate: '/run/mosaic/server.pem',
  serverKey: '/run/mosaic/server.key',
  clientAuthorities: '/run/mosaic/client-ca.pem',
  revocationLists: '/run/mosaic/crl.pem',
  publicSockets: ['/run/mosaic/public.sock'],
  federationSockets: ['/run/mosaic/federation.sock'],
  frontProof: '/run/mosaic/front-proof.conf',
  isHttp2: true,
});
export const main = readNginx(rendered);
export const http = blockOf(main, 'http');
export const stream = blockOf(main, 'stream');
const serverOf = (socket: string): readonly Directive[] => {
  const found = named(http, 'server').filter(({ block }) =>
    named(block ?? [], 'listen').some(({ args }) => args[0] === `unix:/run/mosaic/${socket}`),
  );
  if (found.length !== 1) throw new Error(`${found.length} servers listen on ${socket}`);
  return found[0]?.block ?? [];
};
export const people = serverOf('edge-public.sock');
export const peers = serverOf('edge-federation.sock');

export const PUBLIC_PAGES = '~ ^/(?:docs|openapi\\.json|pki)(?:/|$)';
export const PEER_LIST = '~ ^/pki/(?:crl|root\\.pem)$';
