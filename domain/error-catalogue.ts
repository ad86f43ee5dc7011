/**
 * The closed catalogue of everything this product refuses or fails at: one stable code, its HTTP status,
 * the sentence a person reads and what that person can do next (RFC 9457; SPEC "Errors are a product").
 *
 * The public text never varies with secret state: what is specific goes into `detail` (public, chosen by
 * the thrower) or `cause` (internal, logged after redaction, never answered).
 */
interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  readonly remedy: string;
}

const entry = (status: number, title: string, remedy: string): CatalogueEntry => ({ status, title, remedy });

export const ERROR_CATALOGUE = {
  // The request itself
  invalid_request: entry(
    400,
    'The request is not valid.',
    'Correct the fields named in `issues` and send it again.',
  ),
  invalid_scope: entry(
    400,
    'The scope document is not valid.',
    'Correct the paths named in `issues`. docs/reference/scope.md lists every field.',
  ),
  sensitive_not_approved: entry(
    400,
    'The scope grants a sensitive resource without approval.',
    'Repeat with `approve_sensitive: true` (CLI: --approve-sensitive) if it is meant, or remove the resource.',
  ),
  invalid_cursor: entry(
    400,
    'The cursor is not valid here.',
    'Start again without a cursor. A cursor belongs to one grant, resource and filter, and expires.',
  ),
  invalid_csr: entry(
    400,
    'The certificate signing request is not acceptable.',
    'Send a PKCS#10 request with a valid self-signature and a P-256, P-384, Ed25519 or RSA (2048 bits or more) key.',
  ),
  invalid_enrollment_url: entry(
    400,
    'The enrollment URL is not usable.',
    'Copy the whole URL that `mosaic federation grant create` printed, including the part after #.',
  ),
  address_refused: entry(
    400,
    'That address may not be called.',
    'Use a public HTTPS address, or let the operator allow private addresses (federation.allow_private_addresses).',
  ),
  ca_pin_mismatch: entry(
    400,
    'The server has no certificate from the pinned certificate authority (CA).',
    'Ask for a new enrollment URL and compare the CA fingerprint. Do not enroll if it still differs.',
  ),
  malformed_json: entry(
    400,
    'The body is not valid JSON.',
    'Send a JSON object with content type application/json.',
  ),
  unauthenticated: entry(
    401,
    'Authentication is required.',
    'Send `Authorization: Bearer <token>` with a token that has not expired or been revoked.',
  ),
  certificate_required: entry(
    401,
    'A client certificate is required.',
    'Connect with the certificate this gateway issued at enrollment.',
  ),
  certificate_untrusted: entry(
    401,
    'The client certificate was refused.',
    'Use the certificate this gateway issued. Enroll again with a new grant if it has expired or was revoked.',
  ),
  certificate_invalid: entry(
    401,
    'The client certificate does not identify a grant.',
    'Enroll again with a new grant. The certificate lacks well-formed grant and subject extensions.',
  ),
  forbidden: entry(403, 'This is not allowed.', 'Ask an administrator for the permission.'),
  read_only_token: entry(403, 'This token may only read.', 'Use a token created with access `write`.'),
  grant_unknown: entry(
    403,
    'The certificate names a grant that this gateway does not know.',
    'Ask the administrator of the gateway that serves the data for a new grant.',
  ),
  grant_pending: entry(403, 'The grant is not active yet.', 'Finish the enrollment first.'),
  grant_revoked: entry(
    403,
    'The grant was revoked.',
    'Ask the administrator of the gateway that serves the data for a new grant.',
  ),
  grant_expired: entry(
    403,
    'The grant has expired.',
    'Ask the administrator of the gateway that serves the data for a new grant.',
  ),
  grant_subject_mismatch: entry(
    403,
    'The certificate and the grant name different users.',
    'Enroll again with a new grant. Do not move certificates between grants.',
  ),
  certificate_revoked: entry(
    403,
    'The certificate is no longer accepted for this grant.',
    'Renew the certificate, or enroll again with a new grant.',
  ),
  resource_not_granted: entry(
    403,
    'The grant does not include this resource.',
    'Ask the administrator of the gateway that serves the data to widen the scope.',
  ),
  resource_excluded: entry(
    403,
    'The grant excludes this resource.',
    'Ask the administrator of the gateway that serves the data to change the scope.',
  ),
  setup_token_required: entry(
    403,
    'The first administrator is created with the setup token.',
    'Send `setup_token` as the gateway printed it at its first start; `mosaic gateway setup-token` on its machine prints it again.',
  ),
  address_blocked: entry(
    403,
    'This listener does not serve that route.',
    'Use the listener that docs/reference/api.md names for this route.',
  ),
  not_found: entry(
    404,
    'It does not exist, or you may not see it.',
    'Check the address and the id. The answer is the same for what you may not see and what does not exist.',
  ),
  token_unknown: entry(
    404,
    'The enrollment token is not known.',
    'Copy the whole enrollment URL, or ask for a new one.',
  ),
  peer_unknown: entry(404, 'You have no such peer.', 'List your peers with `mosaic federation peer list`.'),
  method_not_allowed: entry(
    405,
    'That method is not supported here.',
    'See /openapi.json for the methods of this address.',
  ),
  conflict: entry(
    409,
    'The request conflicts with the current state.',
    'Read the current state and decide again.',
  ),
  grant_claimed: entry(
    409,
    'A peer of this user holds that grant already.',
    'Remove the peer that should not hold it, or enroll with a new grant. A grant has one holder.',
  ),
  already_bootstrapped: entry(
    409,
    'The first administrator exists already.',
    'Sign in with an administrator token; see docs/reference/api.md to recover one.',
  ),
  invalid_transition: entry(
    409,
    'The current state does not allow this.',
    'Read the current state and decide again.',
  ),
  renewal_refused: entry(
    409,
    'The certificate cannot be renewed now.',
    'Use the newest certificate of the grant, and renew it when a third of its lifetime is left.',
  ),
  token_used: entry(410, 'The enrollment token was used already.', 'Ask for a new enrollment URL.'),
  token_expired: entry(
    410,
    'The enrollment token has expired.',
    'Ask for a new enrollment URL; each one is valid for 15 minutes.',
  ),
  payload_too_large: entry(413, 'The body is too large.', 'Send at most the size named in `detail`.'),
  uri_too_long: entry(414, 'The address is too long.', 'Send fewer or shorter parameters.'),
  unsupported_media_type: entry(415, 'The content type is not supported.', 'Send application/json.'),
  rate_limited: entry(
    429,
    'There were too many requests.',
    'Wait the number of seconds in Retry-After, then try again.',
  ),
  internal: entry(
    500,
    'The gateway failed because of an error of its own.',
    'Try again. If it fails again, give the operator the trace id.',
  ),
  runtime_unsupported: entry(
    501,
    'The runtime of this gateway does not support this.',
    'Use a gateway on Node or Deno with the same database and sealing key. See `detail` and docs/reference/runtimes.md.',
  ),
  peer_refused: entry(502, 'The peer refused the request.', 'See `detail` for the peer’s own code.'),
  peer_unreachable: entry(502, 'The peer could not be reached.', 'Try again later, or query `source=local`.'),
  peer_protocol: entry(
    502,
    'The peer gave an answer this gateway does not accept.',
    'Check that both gateways run compatible versions.',
  ),
  ca_unavailable: entry(
    503,
    'The certificate authority cannot answer now.',
    'Try again in a moment; the enrollment token stays usable.',
  ),
  ca_misissued: entry(
    503,
    'The certificate authority returned a certificate that was not asked for.',
    'No certificate was activated. The operator must check the template and configuration of the certificate authority.',
  ),
  audit_unavailable: entry(
    503,
    'The audit log cannot record the answer now, so the gateway withholds it.',
    'Try again in a moment. This grant requires that an answer is in the audit log before it is sent.',
  ),
  revocations_lost: entry(
    503,
    'The database of this gateway is older than the revocations that the gateway has published.',
    'The operator must compare the grants with what was revoked, then run `mosaic gateway accept-restore`.',
  ),
  misconfigured: entry(
    503,
    'The configuration of this gateway is not valid.',
    'The operator must correct the settings named in `issues`, then deploy again.',
  ),
  database_unavailable: entry(503, 'The database cannot answer now.', 'Try again in a moment.'),
  unavailable: entry(503, 'The gateway cannot answer now.', 'Try again in a moment.'),
  peer_circuit_open: entry(
    503,
    'The peer failed several times, so this gateway does not call it for a while.',
    'Wait the number of seconds in Retry-After, or query `source=local`.',
  ),
  peer_timeout: entry(504, 'The peer did not answer in time.', 'Try again later, or query `source=local`.'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export const ERROR_CODES = Object.keys(ERROR_CATALOGUE) as readonly ErrorCode[];

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERROR_CATALOGUE, value);
