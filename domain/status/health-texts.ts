export type Light = 'green' | 'yellow' | 'red';

/** The parts of a gateway that health is told of, in the order in which they are shown. */
export const HEALTH_CHECKS = [
  'database',
  'revocations',
  'key_value_store',
  'authority',
  'front',
  'audit',
  'peers',
  'alerts',
] as const;
export type HealthCheck = (typeof HEALTH_CHECKS)[number];

export interface HealthText {
  readonly check: HealthCheck;
  readonly status: Exclude<Light, 'green'>;
  readonly message: string;
  readonly cure: string;
}

const RE_ENROLL =
  'Enroll again with a new enrollment URL from the peer, or remove it: mosaic federation peer remove.';

/**
 * All that can be wrong with a gateway that runs. This is the one table: `/ready`, `mosaic gateway doctor`, `mosaic federation
 * status` and the metric `mosaic_health` take their words and their lights from here (FAULTS F-52).
 */
export const HEALTH = {
  database_unfit: {
    check: 'database',
    status: 'red',
    message: 'The gateway cannot serve from its database.',
    cure: 'See the log of the gateway and of Postgres.',
  },
  revocations_lost: {
    check: 'revocations',
    status: 'red',
    message: 'Revocations are lost: the database is older than what was published, and peers are refused.',
    cure: 'Compare the grants with what was revoked, then run: mosaic gateway accept-restore (docs/revocation.md).',
  },
  kv_needed: {
    check: 'key_value_store',
    status: 'red',
    message: 'The key-value store does not answer, and without it requests are refused.',
    cure: 'Start it, or look whether it hangs; kv.when_down: local serves without it.',
  },
  kv_away: {
    check: 'key_value_store',
    status: 'yellow',
    message: 'The key-value store does not answer. Requests are served with stricter rate limits.',
    cure: 'Start it, or look whether it hangs.',
  },
  authority_away: {
    check: 'authority',
    status: 'yellow',
    message: 'The certificate authority does not answer. Peers are served, but nobody can enroll or renew.',
    cure: 'Start step-ca, or look at its log; a start of the gateway needs it, too.',
  },
  front_proof_unreadable: {
    check: 'front',
    status: 'red',
    message: 'The gateway cannot tell its front from others: front-proof.conf cannot be read.',
    cure: 'Give the gateway’s user front-proof.conf (mode 0600) in MOSAIC_FRONT_DIRECTORY, or remove it: the gateway makes it anew.',
  },
  front_expired: {
    check: 'front',
    status: 'red',
    message: 'The certificate or the revocation list of the front has expired: every peer is refused.',
    cure: 'See the log for the alerts front_certificate and crl_expiring, and the clock of this host.',
  },
  front_stale: {
    check: 'front',
    status: 'yellow',
    message: 'Something of the front could not be renewed. What was there stays in force.',
    cure: 'See the log for the alert front_stale.',
  },
  audit_dropped: {
    check: 'audit',
    status: 'yellow',
    message: 'Audit entries were dropped since the start.',
    cure: 'See the log for the alerts audit_dropped and audit_stalled, and how the database stood then.',
  },
  peer_certificate_expired: {
    check: 'peers',
    status: 'red',
    message: 'The certificate for this peer has expired, or there is none: it cannot be asked.',
    cure: RE_ENROLL,
  },
  peer_certificate_expiring: {
    check: 'peers',
    status: 'yellow',
    message: 'The certificate for this peer ends in less than three days and should have been renewed.',
    cure: 'See the log for the alert peer_renewal_failed, and whether the peer answers.',
  },
  peer_authority_changed: {
    check: 'peers',
    status: 'red',
    message: 'The peer shows a certificate of another authority than it enrolled us with.',
    cure: 'Ask its operator whether the authority was replaced; then enroll again with a new enrollment URL.',
  },
  peer_degraded: {
    check: 'peers',
    status: 'yellow',
    message: 'The renewal of the certificate for this peer failed.',
    cure: 'See the log for the alert peer_renewal_failed, and whether the peer answers.',
  },
  peer_not_asked: {
    check: 'peers',
    status: 'yellow',
    message: 'The peer did not answer, and is not asked for a while.',
    cure: 'Look whether the peer runs; it is asked again by itself.',
  },
  peer_revoked: {
    check: 'peers',
    status: 'yellow',
    message: 'The peer has revoked its grant to this gateway.',
    cure: RE_ENROLL,
  },
  inbound_certificate_expired: {
    check: 'peers',
    status: 'yellow',
    message: 'The certificate of a peer that asks us has expired without a renewal.',
    cure: 'Ask its operator whether it is still needed; create a new enrollment URL for its grant, or revoke it.',
  },
  alerts_raised: {
    check: 'alerts',
    status: 'yellow',
    message: 'There were alerts in the last hour.',
    cure: 'Search the log of the gateway for "alert".',
  },
} as const satisfies Readonly<Record<string, HealthText>>;

export type HealthCode = keyof typeof HEALTH;
export const HEALTH_CODES = Object.keys(HEALTH) as readonly HealthCode[];
