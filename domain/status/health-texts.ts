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
  'Enroll again with a new enrollment URL from the peer, or remove the peer: mosaic federation peer remove.';

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
    message:
      'The database is older than the revocations that this gateway has published. Every peer is refused.',
    cure: 'Compare the grants with what was revoked, then run: mosaic gateway accept-restore (docs/explanation/revocation.md).',
  },
  kv_needed: {
    check: 'key_value_store',
    status: 'red',
    message: 'The key-value store does not answer. Requests are refused without it.',
    cure: 'Start the key-value store, or check whether it hangs. Set kv.when_down to local to serve without it.',
  },
  kv_away: {
    check: 'key_value_store',
    status: 'yellow',
    message: 'The key-value store does not answer. Requests are served with stricter rate limits.',
    cure: 'Start the key-value store, or check whether it hangs.',
  },
  authority_away: {
    check: 'authority',
    status: 'yellow',
    message: 'The certificate authority does not answer. Peers are served, but nobody can enroll or renew.',
    cure: 'Start step-ca, or look at its log. The gateway cannot be started without step-ca.',
  },
  front_proof_unreadable: {
    check: 'front',
    status: 'red',
    message: 'The gateway cannot read front-proof.conf, so it cannot tell which requests its front has sent.',
    cure: 'Make the gateway’s user the owner of front-proof.conf (mode 0600) in MOSAIC_FRONT_DIRECTORY, or remove the file. The gateway makes a new one.',
  },
  front_expired: {
    check: 'front',
    status: 'red',
    message: 'The certificate or the revocation list (CRL) of the front has expired. Every peer is refused.',
    cure: 'Look for the alerts front_certificate and crl_expiring in the log, and check the clock of this host.',
  },
  front_stale: {
    check: 'front',
    status: 'yellow',
    message:
      'The certificate or the revocation list (CRL) of the front could not be renewed. The previous one stays in use.',
    cure: 'Look for the alert front_stale in the log.',
  },
  audit_dropped: {
    check: 'audit',
    status: 'yellow',
    message: 'Audit entries were dropped since the start.',
    cure: 'Look for the alerts audit_dropped and audit_stalled in the log, and check the database at that time.',
  },
  peer_certificate_expired: {
    check: 'peers',
    status: 'red',
    message: 'The certificate for this peer has expired or is missing. The gateway cannot call this peer.',
    cure: RE_ENROLL,
  },
  peer_certificate_expiring: {
    check: 'peers',
    status: 'yellow',
    message: 'The certificate for this peer expires in less than three days. It should have been renewed.',
    cure: 'Look for the alert peer_renewal_failed in the log, and check whether the peer answers.',
  },
  peer_authority_changed: {
    check: 'peers',
    status: 'red',
    message:
      'The peer shows a certificate from another certificate authority (CA) than the one pinned at enrollment.',
    cure: 'Ask the operator of the peer whether the CA was replaced, then enroll again with a new enrollment URL.',
  },
  peer_refuses_certificate: {
    check: 'peers',
    status: 'yellow',
    message: 'The peer refuses this gateway’s certificate.',
    cure: 'Compare the clocks of both gateways; when they agree, enroll again with a new enrollment URL from the peer.',
  },
  peer_server_expired: {
    check: 'peers',
    status: 'yellow',
    message: 'By this gateway’s clock the certificate of the peer’s server has expired: it is not asked.',
    cure: 'Compare the clocks of both gateways; when they agree, the peer’s operator must renew the certificate of its front.',
  },
  peer_server_not_yet_valid: {
    check: 'peers',
    status: 'yellow',
    message:
      'By this gateway’s clock the certificate of the peer’s server is not valid yet: it is not asked.',
    cure: 'Compare the clocks of both gateways, and set them right.',
  },
  peer_degraded: {
    check: 'peers',
    status: 'yellow',
    message: 'The renewal of the certificate for this peer failed.',
    cure: 'Look for the alert peer_renewal_failed in the log, and check whether the peer answers.',
  },
  peer_not_asked: {
    check: 'peers',
    status: 'yellow',
    message: 'The peer did not answer, so the gateway does not call it for a while.',
    cure: 'Check whether the peer runs. The gateway calls it again automatically.',
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
    message: 'The certificate of an inbound peer has expired and was not renewed.',
    cure: 'Ask the operator of the peer whether it is still needed. If it is, create a new grant for it. Revoke the old grant.',
  },
  alerts_raised: {
    check: 'alerts',
    status: 'yellow',
    message: 'The gateway raised alerts in the last hour.',
    cure: 'Search the log of the gateway for "alert": the lines say what to do.',
  },
} as const satisfies Readonly<Record<string, HealthText>>;

export type HealthCode = keyof typeof HEALTH;
export const HEALTH_CODES = Object.keys(HEALTH) as readonly HealthCode[];
