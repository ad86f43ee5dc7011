import { check, type Check } from './check.ts';
import type { ExpiryKind, Finding } from './finding.ts';

const DAY_MS = 86_400_000;

/** When something that runs out is worth a word, and what renews it. `least` days, unless a third of its life is less. */
const EXPIRY: Readonly<Record<ExpiryKind, { readonly least: number; readonly remedy: string }>> = {
  authority: {
    least: 90,
    remedy:
      'plan a new one, which peers learn of when they renew: docs/explanation/renewal.md, "Another root for the authority"',
  },
  'root-list': {
    least: 60,
    remedy:
      'sign a new CRL with the root’s offline key, as infra/step-ca/provision.sh does (STEP_CA_ROOT_CRL_PATH)',
  },
  list: {
    least: 0,
    remedy: 'look at the log of the authority, which should sign a new CRL before this one expires',
  },
  front: {
    least: 7,
    remedy:
      'look for the alert front_certificate in the log of the gateway, which should renew the certificate automatically',
  },
  'front-list': {
    least: 0,
    remedy:
      'look for the alert front_stale in the log of the gateway; every peer is refused when the CRL expires',
  },
};

const days = (milliseconds: number): string => {
  const whole = Math.floor(Math.abs(milliseconds) / DAY_MS);
  if (whole > 1) return `${whole} days`;
  const hours = Math.floor(Math.abs(milliseconds) / 3_600_000);
  return hours > 1 ? `${hours} hours` : `${Math.floor(Math.abs(milliseconds) / 60_000)} minutes`;
};

/** Judges what runs out. */
export const ofExpiry = (finding: Extract<Finding, { kind: 'expiry' }>, now: Date): Check => {
  const { what, name, notAfter, notBefore } = finding;
  const { least, remedy } = EXPIRY[what];
  if (notAfter === null) {
    return what === 'front' || what === 'front-list'
      ? check(name, 'yellow', 'there is none yet', { remedy: 'the gateway makes it when it starts' })
      : check(name, 'red', 'there is none', { remedy });
  }
  const left = notAfter.getTime() - now.getTime();
  const until = notAfter.toISOString();
  if (left <= 0) return check(name, 'red', `expired ${days(left)} ago (${until})`, { remedy });
  const life = notBefore === null ? Infinity : notAfter.getTime() - notBefore.getTime();
  const isSoon = left < Math.min(least * DAY_MS, life / 3);
  const message = `${days(left)} left (${until})`;
  return isSoon ? check(name, 'yellow', message, { remedy }) : check(name, 'green', message);
};
