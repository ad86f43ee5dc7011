import { X509Certificate } from 'node:crypto';
import { splitPem } from '../../../../ca/x509/pem.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { readFront } from '../front-folder.ts';
import type { Finding } from './finding.ts';
import { listExpiry } from './inspect-authority.ts';

const firstDer = (pem: string | undefined): Uint8Array | null => {
  const blocks = splitPem(pem ?? '');
  return blocks.ok ? (blocks.value[0]?.der ?? null) : null;
};

/** What the folder in front of nginx holds. */
export const inspectFront = async ({ front }: GatewayConfig): Promise<readonly Finding[]> => {
  if (front === null) return [];
  const files = readFront(front.directory);
  const der = firstDer(files['server.pem']);
  const leaf = der === null ? null : new X509Certificate(der);
  return [
    {
      kind: 'expiry',
      what: 'front',
      name: 'server certificate of the front',
      notAfter: leaf?.validToDate ?? null,
      notBefore: leaf?.validFromDate ?? null,
    },
    listExpiry('front-list', 'revocation list of the front', firstDer(files['crl.pem'])),
  ];
};
