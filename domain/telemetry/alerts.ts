/** What stands in `alert` of a log line that needs a person. A check keeps the list whole. */
export const ALERTS = [
  'audit_dropped',
  'audit_lost_tail',
  'audit_stalled',
  'database_unfit',
  'audit_two_heads',
  'authority_list_missing',
  'crl_expiring',
  'front_certificate',
  'front_refusals',
  'front_stale',
  'front_proof_unreadable',
  'front_unproven',
  'peer_list_older',
  'peer_renewal_failed',
  'peer_revoked',
  'revocations_lost',
] as const;
