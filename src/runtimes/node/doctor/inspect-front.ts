import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { splitPem } from '../../../../ca/x509/pem.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { readFrontFile, readProof, type FrontFile } from '../front-folder.ts';
import type { Finding } from './finding.ts';
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

/** What the folder in front of nginx holds. */
export const inspectFront = async ({ front }: GatewayConfig): Promise<readonly Finding[]> => {
  if (front === null) return [];
  const der = firstDer(front.directory, 'server.pem');
  const leaf = der === null ? null : new X509Certificate(der);
  return [
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
