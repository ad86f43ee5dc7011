import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { renderFront, type NginxOptions } from '../../src/cli/render/nginx/nginx.ts';
import { ROOT } from './checks/repository.ts';

/** Where things stand in the containers of infra/Dockerfile; the compose and stack files mount accordingly. */
export const FRONT: NginxOptions = {
  configFolder: '/etc/mosaic-nginx',
  runFolder: '/run/nginx',
  logFolder: '/var/log/mosaic',
  modules: ['/usr/lib/nginx/modules/ngx_http_js_module.so'],
  workers: 'auto',
  daemon: false,
  // The one server of each listener: a name of its own would decide nothing.
  serverName: '_',
  publicListen: '4443',
  federationListen: '8443',
  serverCertificate: '/run/mosaic/front/server.pem',
  serverKey: '/run/mosaic/front/server.key',
  clientAuthorities: '/run/mosaic/front/client-ca.pem',
  revocationLists: '/run/mosaic/front/crl.pem',
  publicSockets: ['/run/mosaic/public.sock'],
  federationSockets: ['/run/mosaic/federation.sock'],
  frontProof: '/run/mosaic/front/front-proof.conf',
};

/** Writes the configuration of the front's image into a folder. */
export const writeFrontConfig = (folder: string, options: NginxOptions = FRONT): void => {
  const source = join(ROOT, 'infra/nginx');
  mkdirSync(folder, { recursive: true });
  const read = (name: string): string => readFileSync(join(source, name), 'utf8');
  for (const [name, text] of renderFront(read, options)) writeFileSync(join(folder, name), text);
};

/** Behind a proxy on a network of the same host or swarm, which passes TLS on and says for whom. */
export const PROXIED_FRONT: NginxOptions = {
  ...FRONT,
  configFolder: '/etc/mosaic-nginx-proxied',
  proxies: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8'],
};

// `node harness/tools/front-config.ts <folder>`: a step of infra/Dockerfile. Beside it, the one for a proxy in front.
const [, program, folder] = process.argv;
if (program !== undefined && folder !== undefined && import.meta.url === pathToFileURL(program).href) {
  writeFrontConfig(folder);
  writeFrontConfig(`${folder}-proxied`, PROXIED_FRONT);
}
