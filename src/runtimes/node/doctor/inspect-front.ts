import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { splitPem } from '../../../../ca/x509/pem.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { readFrontFile, readProof, type FrontFile } from '../front/front-folder.ts';
import { nginxFault } from '../front/nginx.ts';
import type { Finding, Problem } from './finding.ts';
import { listExpiry } from './inspect-authority.ts';

/** The first block of a file; null also where it cannot be read: then there is none that nginx could serve. */
const firstDer = (folder: string, name: FrontFile): Uint8Array | null => {
  try {
    const blocks = splitPem(readFrontFile(folder, name) ?? '');
    return blocks.ok ? (blocks.value[0]?.der ?? null) : null;
  } catch {
    return null;
  }
};

/** Nothing to tell where the gateway has not started yet, or where nothing asks for the proof. */
const inspectProof = (front: NonNullable<GatewayConfig['front']>): readonly Finding[] => {
  const { fault } = readProof(front.directory);
  return !front.requiresProof || fault === null || fault === 'missing'
    ? []
    : [{ kind: 'front-proof', where: join(front.directory, 'front-proof.conf'), fault }];
};

/** What has to be done about what `nginx -t` says. */
const problemIn = (fault: string): Problem => {
  const message = `nginx does not accept its configuration: ${fault}`;
  if (/unknown directive "stream"|ngx_stream_module/.test(fault))
    return {
      message,
      remedy:
        'install nginx’s stream module (Debian: libnginx-mod-stream), then render the configuration again',
    };
  return /unknown directive "js_|ngx_http_js_module/.test(fault)
    ? {
        message,
        remedy: 'install njs for nginx (Debian: libnginx-mod-http-js), then render the configuration again',
      }
    : { message, remedy: 'correct the configuration, or render it again: mosaic infra nginx --out <folder>' };
};

/** Before the gateway's first start there is no certificate yet, and nginx would say so: then it is not asked. */
const inspectNginx = async ({ nginx }: NonNullable<GatewayConfig['front']>): Promise<readonly Finding[]> => {
  if (nginx === null) return [];
  const fault = await nginxFault(nginx);
  const problem = fault === null ? null : problemIn(fault);
  return [{ kind: 'front-configuration', where: nginx.config, ms: null, problem }];
};

/** What the folder in front of nginx holds, and whether nginx would start with it. */
export const inspectFront = async ({ front }: GatewayConfig): Promise<readonly Finding[]> => {
  if (front === null) return [];
  const der = firstDer(front.directory, 'server.pem');
  const leaf = der === null ? null : new X509Certificate(der);
  return [
    ...(leaf === null ? [] : await inspectNginx(front)),
    {
      kind: 'expiry',
      what: 'front',
      name: 'server certificate of the front',
      notAfter: leaf?.validToDate ?? null,
      notBefore: leaf?.validFromDate ?? null,
    },
    listExpiry('front-list', 'revocation list of the front', firstDer(front.directory, 'crl.pem')),
    ...inspectProof(front),
  ];
};
