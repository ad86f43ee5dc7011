import type { CertificateAuthority, Crl, CrlSource } from '../../../ca/authority.ts';
import type { Clock, Log } from '../../../domain/ports/basics.ts';
import type { FrontState, KeyMaker } from '../../deps.ts';
import type { FrontMaterial } from './front.ts';
import { createFrontRounds } from './front-rounds.ts';
import {
  isDue,
  issueServerCertificate,
  renewedOrKept,
  type ServerCertificate,
  type ServerNames,
} from './server-certificate.ts';

export interface FrontMaterialParts {
  readonly ca: CertificateAuthority & CrlSource;
  readonly keyMaker: KeyMaker;
  readonly clock: Clock;
  readonly log: Log;
  readonly names: ServerNames;
  /** How often to ask for revocations made elsewhere. */
  readonly pollMs?: number;
}

/** Keeps a front's certificate and list current, wherever they live. */
export interface FrontKeeper {
  /** Something was revoked here: the front's list is renewed now, not at the next poll. */
  readonly refresh: () => Promise<void>;
  readonly state: () => FrontState;
  readonly stop: () => void;
}

export interface FrontMaterialKeeper extends FrontKeeper {
  readonly current: () => FrontMaterial;
  /** Calls `apply` whenever certificate or list changed, until `stop`. */
  start(apply: (material: FrontMaterial) => void): void;
}

/** Keeps the certificate and revocation list of the gateway's own front current, in memory. */
export const keepFrontMaterial = async (parts: FrontMaterialParts): Promise<FrontMaterialKeeper> => {
  const root = await parts.ca.rootPem();
  let certificate: ServerCertificate = await issueServerCertificate(parts, parts.names);
  let crl: Crl = await parts.ca.crl();
  let apply: ((material: FrontMaterial) => void) | null = null;

  const current = (): FrontMaterial => ({
    certificate: certificate.chain,
    key: certificate.key,
    root,
    crl: crl.pem,
  });

  const rounds = createFrontRounds(parts, crl.number, async (next) => {
    const before = { certificate, crl };
    if (isDue(certificate, parts.clock.now()))
      certificate = await renewedOrKept(parts, parts.names, certificate);
    crl = next ?? crl;
    if (certificate !== before.certificate || crl.pem !== before.crl.pem) apply?.(current());
  });

  return {
    current,
    start: (use) => {
      apply = use;
      rounds.start();
    },
    refresh: rounds.refresh,
    state: () => ({
      status: rounds.isStale() ? 'stale' : 'ok',
      certificateNotAfter: certificate.notAfter,
      crlNumber: crl.number,
      crlNextUpdate: crl.nextUpdate,
      refusedLists: rounds.refusedLists(),
    }),
    stop: () => {
      apply = null;
      rounds.stop();
    },
  };
};
