import type { LogFields } from '../ports/basics.ts';

/** What an alert says, and what to do. */
export interface AlertText {
  readonly meaning: string;
  readonly cure: string;
}

/**
 * All alerts: log lines with `alert`, which the webhook and the metric `mosaic_alerts_total` tell of, too. This is the one table of what to
 * do: each line gets its `cure` from here unless it has one of its own, and docs/reference/alerts.md lists them (FAULTS F-52).
 */
export const ALERTS = {
  audit_dropped: {
    meaning: 'The queue of the audit log is full, so entries are dropped and counted.',
    cure: 'Check whether the database answers and takes writes. The audit log says afterwards how many entries were dropped.',
  },
  audit_lost_tail: {
    meaning: 'A gateway ended before it had written its whole audit log.',
    cure: 'Find out why it ended: look at its last log lines, and for a kill by the host. Stop gateways with SIGTERM and give them 30 seconds.',
  },
  audit_stalled: {
    meaning: 'The audit log has not been written for 15 seconds.',
    cure: 'Check whether the database answers, takes writes and has room on its disk. Entries wait in memory until then.',
  },
  audit_two_heads: {
    meaning: 'A peer has reported two different hashes for one entry of its audit log.',
    cure: 'Run mosaic federation audit reconcile for the peer, then ask its operator which of the two is true.',
  },
  crl_expiring: {
    meaning:
      'The revocation list (CRL) of the front is about to expire. Every peer is refused once it has expired.',
    cure: 'Check whether the certificate authority answers and signs lists: mosaic gateway doctor. Check the clock of this host.',
  },
  database_hindered: {
    meaning: 'Statements fail at a database that can be served from otherwise.',
    cure: 'See hindrance in the line: make room on the disk, end the session that holds the lock, or restore what is missing.',
  },
  database_unfit: {
    meaning: 'The gateway cannot serve from its database.',
    cure: 'See condition in the line: mosaic gateway doctor says the same and what to do.',
  },
  front_certificate: {
    meaning:
      'The server certificate of the front could not be renewed. The previous one stays in use until it expires.',
    cure: 'Check whether the certificate authority answers: mosaic gateway doctor. The gateway tries again by itself.',
  },
  front_proof_unreadable: {
    meaning: 'The gateway cannot read front-proof.conf, so it cannot tell which requests its front has sent.',
    cure: 'Make the gateway’s user the owner of front-proof.conf (mode 0600) in MOSAIC_FRONT_DIRECTORY, or remove the file. The gateway makes a new one.',
  },
  front_refusals: {
    meaning: 'The front refused more requests than the audit log has an entry for each.',
    cure: 'Look at refused.log of nginx for the addresses, and block them in the firewall if they are none of your peers.',
  },
  front_stale: {
    meaning:
      'A certificate or a revocation list (CRL) was not accepted by the front. The previous one stays in use.',
    cure: 'See error in the line. Run nginx -t on the front’s host, and check whether the certificate authority answers.',
  },
  front_unproven: {
    meaning:
      'A request on the federation socket did not prove that the front sent it, so its certificate was ignored.',
    cure: 'Run mosaic infra nginx again and reload nginx. If it happens again, find out which process of this host uses the socket.',
  },
  peer_list_older: {
    meaning: 'A peer gave an older revocation list (CRL) than before. The older list was not used.',
    cure: 'Ask the operator of the peer whether its certificate authority was restored from a backup.',
  },
  peer_renewal_failed: {
    meaning: 'The certificate for a peer could not be renewed.',
    cure: 'Check whether the peer answers. If it refuses the renewal, enroll again with a new enrollment URL from the peer.',
  },
  peer_revoked: {
    meaning: 'A peer has revoked its grant to this gateway.',
    cure: 'Enroll again with a new enrollment URL from the peer, or remove the peer: mosaic federation peer remove.',
  },
  revocations_lost: {
    meaning:
      'The database is older than the revocations that this gateway has published. Every peer is refused.',
    cure: 'Compare the grants with what was revoked, then run: mosaic gateway accept-restore (docs/explanation/revocation.md).',
  },
} as const satisfies Readonly<Record<string, AlertText>>;

export type AlertName = keyof typeof ALERTS;

const isAlert = (name: unknown): name is AlertName => typeof name === 'string' && Object.hasOwn(ALERTS, name);

/**
 * The fields of a log line, with what to do where it is an alert.
 *
 * @example withCure({ alert: 'audit_stalled' })['cure'] // 'Check whether the database answers, …'
 */
export const withCure = (fields: LogFields): LogFields =>
  fields['cure'] === undefined && isAlert(fields['alert'])
    ? { ...fields, cure: ALERTS[fields['alert']].cure }
    : fields;
