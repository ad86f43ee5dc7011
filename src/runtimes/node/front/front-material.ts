import { trustOf, type Authority, type Crl, type Trust } from '../../../../ca/authority.ts';
import type { Clock, Log } from '../../../../domain/ports/basics.ts';
import type { FrontState, KeyMaker } from '../../../app/deps.ts';
import type { FrontMaterial } from './front.ts';
import { numbersOf } from './front-lists.ts';
import { createFrontRounds } from './front-rounds.ts';
import {
  isDue,
  issueServerCertificate,
  renewedOrKept,
  type ServerCertificate,
  type ServerNames,
} from './server-certificate.ts';

export interface FrontMaterialParts {
  readonly ca: Authority;
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

/** What signs: another one means another certificate for the front. */
const issuerIn = ({ rootsPem, intermediatesPem }: Trust): string =>
  (intermediatesPem || rootsPem).split('-----END')[0] ?? '';

/** Keeps the certificate and revocation list of the gateway's own front current, in memory. */
export const keepFrontMaterial = async (parts: FrontMaterialParts): Promise<FrontMaterialKeeper> => {
  const trust = await trustOf(parts.ca);
  let root = trust.rootsPem;
  let issuer = issuerIn(trust);
  let certificate: ServerCertificate = await issueServerCertificate(parts, parts.names);
  let crl: Crl = await parts.ca.crl();
  let apply: ((material: FrontMaterial) => void) | null = null;

  const current = (): FrontMaterial => ({
    certificate: certificate.chain,
    key: certificate.key,
    root,
    crl: crl.pem,
  });

  const rounds = createFrontRounds(parts, numbersOf(crl), async (next) => {
    const before = { certificate, crl, root };
    const trusted = await trustOf(parts.ca);
    const issuerNow = issuerIn(trusted);
    // Together with its list, without which a root's certificates are all refused.
    if (next !== null) root = trusted.rootsPem;
    if (issuerNow !== issuer || isDue(certificate, parts.clock.now())) {
      const renewed = await renewedOrKept(parts, parts.names, certificate);
      if (renewed !== certificate) issuer = issuerNow;
      certificate = renewed;
    }
    crl = next ?? crl;
    if (certificate !== before.certificate || crl.pem !== before.crl.pem || root !== before.root)
      apply?.(current());
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
