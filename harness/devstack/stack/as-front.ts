import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FRONT_PROOF_HEADER } from '../../../routes/inbound/front-proof.ts';
import { proofIn, readFront } from '../../../src/runtimes/node/front/front-folder.ts';
import { folderOf, gatewaysOf, materialOf, SIDES, type Plan } from './plan.ts';

/** Where a gateway keeps what its front needs: replicas share a folder, any other gateway has its own. */
export const frontFolderOf = (plan: Pick<Plan, 'place' | 'replicasOfB'>, gateway: string): string => {
  const side = SIDES.find((one) => gatewaysOf(plan, one).includes(gateway));
  return side === undefined ? path.join(folderOf(plan, gateway), 'front') : materialOf(plan, side);
};

/** The certificate of a request, as the front passes it on to a gateway's socket, and what proves that it is the front. */
export const asFront = (
  plan: Pick<Plan, 'place' | 'replicasOfB'>,
  gateway: string,
  certificateFile: string,
): Readonly<Record<string, string>> => {
  const der = readFileSync(certificateFile, 'utf8').replaceAll(/-----[^-]+-----|\s+/g, '');
  return {
    'client-cert': `:${der}:`,
    [FRONT_PROOF_HEADER]: proofIn(readFront(frontFolderOf(plan, gateway))) ?? '',
  };
};
