import type { CertificateAuthority, Crl, CrlSource } from '../../../ca/authority.ts';
import type { Clock, Log } from '../../../domain/ports/basics.ts';
import type { KeyMaker } from '../../deps.ts';
import type { FrontMaterial } from './front.ts';
import { issueServerCertificate, type ServerCertificate, type ServerNames } from './server-certificate.ts';

export interface FrontMaterialParts {
  readonly ca: CertificateAuthority & CrlSource;
  readonly keyMaker: KeyMaker;
  readonly clock: Clock;
  readonly log: Log;
  readonly names: ServerNames;
  /** How often to ask for revocations made elsewhere. */
  readonly pollMs?: number;
}

export interface FrontMaterialKeeper {
  readonly current: () => FrontMaterial;
  /** Calls `apply` whenever certificate or list changed, until `stop`. */
  start(apply: (material: FrontMaterial) => void): void;
  /** Something was revoked here: the front's list is renewed now, not at the next poll. */
  refresh(): Promise<void>;
  stop(): void;
}

const POLL_MS = 15_000;

/** Renewed when a third of its life is left. */
const isDue = ({ notBefore, notAfter }: ServerCertificate, now: Date): boolean =>
  notAfter.getTime() - now.getTime() < (notAfter.getTime() - notBefore.getTime()) / 3;

/** Keeps the front's certificate and revocation list current. A failure keeps what is there, and says so. */
export const keepFrontMaterial = async (parts: FrontMaterialParts): Promise<FrontMaterialKeeper> => {
  const { ca, clock, log } = parts;
  const root = await ca.rootPem();
  let certificate = await issueServerCertificate(parts, parts.names);
  let crl: Crl = await ca.crl();
  let apply: ((material: FrontMaterial) => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | null = null;
  let isAskedAgain = false;

  const current = (): FrontMaterial => ({
    certificate: certificate.chain,
    key: certificate.key,
    root,
    crl: crl.pem,
  });

  const renew = async (): Promise<void> => {
    const before = { certificate, crl };
    if (isDue(certificate, clock.now())) certificate = await issueServerCertificate(parts, parts.names);
    crl = await ca.crl();
    if (certificate !== before.certificate || crl.pem !== before.crl.pem) apply?.(current());
  };

  const runOnce = async (): Promise<void> => {
    do {
      isAskedAgain = false;
      try {
        await renew();
      } catch (error) {
        const nextUpdate = crl.nextUpdate.toISOString();
        log.error('the TLS front could not be refreshed', {
          alert: 'front_stale',
          crl_next_update: nextUpdate,
          error: error as Error,
        });
      }
    } while (isAskedAgain);
    running = null;
  };

  const refresh = (): Promise<void> => {
    if (running === null) running = runOnce();
    // A list may be on its way that was made before this revocation: ask once more after it.
    else isAskedAgain = true;
    return running;
  };

  const schedule = (): void => {
    timer = setTimeout(() => void refresh().then(schedule), parts.pollMs ?? POLL_MS);
    timer.unref();
  };

  return {
    current,
    start: (use) => {
      apply = use;
      schedule();
    },
    refresh,
    stop: () => {
      apply = null;
      clearTimeout(timer);
    },
  };
};
