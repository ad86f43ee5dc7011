import { trustOf, type Crl, type Trust } from '../../../../ca/authority.ts';
import { splitPem, derToPem } from '../../../../ca/x509/pem.ts';
import type { FrontProof } from '../../../../routes/inbound/front-proof.ts';
import type { FrontConfig } from '../../../config/config.ts';
import type { FrontState } from '../../../app/deps.ts';
import {
  assertWritable,
  certificateIn,
  FRONT_FILE_NAMES,
  isApplied,
  listIn,
  markApplied,
  proofFor,
  readFront,
  readFrontAtStart,
  withFolder,
  writeFront,
  type FrontFiles,
} from './front-folder.ts';
import type { FrontKeeper, FrontMaterialParts } from './front-material.ts';
import { newestLists, numbersIn, sharedIssuers } from './front-lists.ts';
import { createProofCheck } from './front-proof.ts';
import { createFrontRounds, FrontRefused } from './front-rounds.ts';
import { nginxFault, reloadNginx } from './nginx.ts';
import {
  isDue,
  issueServerCertificate,
  renewedOrKept,
  type ServerCertificate,
} from './server-certificate.ts';

export interface FrontFilesParts extends FrontMaterialParts {
  readonly front: FrontConfig;
}

/** Also knows whether a request was sent by the front whose files it keeps. */
export interface FrontFilesKeeper extends FrontKeeper, FrontProof {}

/** Everything after the leaf, the root first, and others that are trusted: what nginx checks clients against. */
const authoritiesOf = ({ chain }: ServerCertificate, { rootsPem, intermediatesPem }: Trust): string => {
  const blocks = splitPem(chain);
  if (!blocks.ok) throw new Error(`the server certificate’s chain is not readable: ${blocks.error}`);
  const others = splitPem(`${rootsPem}\n${intermediatesPem}`);
  if (!others.ok) throw new Error(`the authority’s certificates are not readable: ${others.error}`);
  const all = [...blocks.value.slice(1).toReversed(), ...others.value].map(({ der }) =>
    derToPem(der, 'CERTIFICATE'),
  );
  return [...new Set(all)].join('');
};

/** Another replica may have been faster with newer lists; those of another authority count for nothing. */
const listsFor = (there: Partial<FrontFiles>, authorities: string, next: Crl | null): string => {
  const { 'client-ca.pem': before, 'crl.pem': held } = there;
  if (next !== null) return newestLists(held, next.pem, sharedIssuers(before, authorities));
  if (before !== authorities || held === undefined)
    throw new FrontRefused('there is no usable revocation list to begin with');
  return held;
};

/** Tests the files that were just written and has nginx read them; puts the old ones back when it refuses. */
const tellNginx = async (
  { front: { directory, nginx }, log }: FrontFilesParts,
  before: Partial<FrontFiles>,
  after: FrontFiles,
): Promise<void> => {
  if (nginx === null) return;
  const fault = await nginxFault(nginx);
  if (fault !== null) {
    // With nothing to go back to they stay: nginx does not run yet, and its own start will say why.
    if (before['server.pem'] !== undefined)
      writeFront(directory, Object.fromEntries(FRONT_FILE_NAMES.map((name) => [name, before[name] ?? null])));
    throw new FrontRefused(`nginx -t: ${fault}`);
  }
  const outcome = await reloadNginx(nginx);
  // They are good, and stay: the next round tells it again.
  if (outcome === 'kept') throw new FrontRefused('nginx goes on with what it read before');
  if (outcome === 'reloaded') log.info('the front was reloaded');
  else log.info('the front does not run yet', { pid_file: nginx.pidFile });
  markApplied(directory, after);
};

/**
 * Keeps the folder that nginx reads: certificate, key, authorities, revocation lists. Replicas may share it, so the
 * folder itself is the state: whoever comes finds what another one did, and only changes what is due.
 *
 * @throws BootError for a folder nobody may write to
 * @throws MosaicError `ca_unavailable`, `ca_misissued` when there is no certificate to begin with
 */
export const keepFrontFiles = async (parts: FrontFilesParts): Promise<FrontFilesKeeper> => {
  const { ca, clock, names, front } = parts;
  const { directory, nginx } = front;
  assertWritable(directory);
  const mend = (): void => void rounds.refresh();
  const proof = createProofCheck({ folder: directory, clock, log: parts.log, mend });
  let inForce: Pick<FrontState, 'certificateNotAfter' | 'crlNumber' | 'crlNextUpdate'> | null = null;

  const certificateFor = async (there: Partial<FrontFiles>, trust: Trust): Promise<ServerCertificate> => {
    const found = certificateIn(there, names, trust);
    if (found === null) return issueServerCertificate(parts, names);
    return isDue(found, clock.now()) ? renewedOrKept(parts, names, found) : found;
  };

  const note = ({ notAfter }: ServerCertificate, files: FrontFiles): void => {
    const list = listIn(files);
    inForce = {
      certificateNotAfter: notAfter,
      crlNumber: list?.number ?? 0n,
      crlNextUpdate: list?.nextUpdate ?? new Date(0),
    };
  };

  const update = (next: Crl | null): Promise<void> =>
    withFolder(directory, async () => {
      const there = readFront(directory);
      const trust = await trustOf(ca);
      const certificate = await certificateFor(there, trust);
      const authorities = authoritiesOf(certificate, trust);
      const wanted: FrontFiles = {
        'client-ca.pem': authorities,
        'crl.pem': listsFor(there, authorities, next),
        'front-proof.conf': proofFor(there),
        'server.key': certificate.key,
        'server.pem': certificate.chain,
      };
      const changed = FRONT_FILE_NAMES.filter((name) => there[name] !== wanted[name]);
      if (changed.length > 0)
        writeFront(directory, Object.fromEntries(changed.map((name) => [name, wanted[name]])));
      if (changed.length > 0 || (nginx !== null && !isApplied(directory, wanted)))
        await tellNginx(parts, there, wanted);
      note(certificate, wanted);
      proof.renew(wanted);
    });

  const before = readFrontAtStart(directory);
  const { rootsPem, intermediatesPem } = await trustOf(ca);
  const shared = sharedIssuers(before['client-ca.pem'], `${rootsPem}\n${intermediatesPem}`);
  const rounds = createFrontRounds(parts, numbersIn(before['crl.pem'], shared), update);
  await rounds.first();
  rounds.start();
  return {
    refresh: rounds.refresh,
    isProven: proof.isProven,
    isReadable: proof.isReadable,
    state: () => ({
      certificateNotAfter: new Date(0),
      crlNumber: 0n,
      crlNextUpdate: new Date(0),
      ...inForce,
      status:
        front.requiresProof && !proof.isReadable() ? 'proof_unreadable' : rounds.isStale() ? 'stale' : 'ok',
      refusedLists: rounds.refusedLists(),
    }),
    stop: rounds.stop,
  };
};
