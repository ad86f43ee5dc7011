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
    'Correct the paths named in `issues`; docs/scope.md lists every field.',
  ),
  sensitive_not_approved: entry(
    400,
    'The scope grants a sensitive resource without approval.',
    'Repeat with `approve_sensitive: true` (CLI: --approve-sensitive) if it is meant, or remove the resource.',
  ),
  invalid_cursor: entry(
    400,
    'The cursor is not valid here.',
    'Start again without a cursor; a cursor belongs to one grant, resource and filter, and expires.',
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
    'The server does not hold a certificate of the pinned authority.',
    'Ask for a fresh enrollment URL and compare the fingerprint; do not go on if it still differs.',
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
    'Use the certificate this gateway issued; enroll again if it has expired or was revoked.',
  ),
  certificate_invalid: entry(
    401,
    'The client certificate does not identify a grant.',
    'Enroll again: the certificate lacks well-formed grant and subject extensions.',
  ),
  forbidden: entry(403, 'This is not allowed.', 'Ask an administrator for the permission.'),
  read_only_token: entry(403, 'This token may only read.', 'Use a token created with access `write`.'),
  grant_unknown: entry(
    403,
    'The certificate names no grant known here.',
    'Ask the serving side for a new enrollment.',
  ),
  grant_pending: entry(403, 'The grant is not active yet.', 'Finish the enrollment first.'),
  grant_revoked: entry(403, 'The grant was revoked.', 'Ask the serving side for a new grant.'),
  grant_expired: entry(403, 'The grant has expired.', 'Ask the serving side for a new grant.'),
  grant_subject_mismatch: entry(
    403,
    'The certificate and the grant name different users.',
    'Enroll again; do not move certificates between grants.',
  ),
  certificate_revoked: entry(
    403,
    'The certificate is no longer accepted for this grant.',
    'Renew or enroll again.',
  ),
  resource_not_granted: entry(
    403,
    'The grant does not include this resource.',
    'Ask the serving side to widen the scope.',
  ),
  resource_excluded: entry(
    403,
    'The grant excludes this resource.',
    'Ask the serving side to change the scope.',
  ),
  setup_token_required: entry(
    403,
    'The first administrator is created with the setup token.',
    'Send `setup_token` as the gateway printed it at its first start; `mosaic gateway setup-token` on its machine prints it again.',
  ),
  address_blocked: entry(
    403,
    'This listener does not serve that.',
    'Use the listener the documentation names for this route.',
  ),
  not_found: entry(
    404,
    'There is no such thing here.',
    'Check the address and the id; what you may not see looks the same as what does not exist.',
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
    'This clashes with what is already there.',
    'Read the current state and decide again.',
  ),
  grant_claimed: entry(
    409,
    'A peer of this user holds that grant already.',
    'A grant has one holder: remove the peer that should not have it, and enroll with a new grant.',
  ),
  already_bootstrapped: entry(
    409,
    'The first administrator exists already.',
    'Sign in with an administrator token; see docs/api.md to recover one.',
  ),
  invalid_transition: entry(
    409,
    'The current state does not allow this.',
    'Read the current state and decide again.',
  ),
  renewal_refused: entry(
    409,
    'The certificate is not renewed now.',
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
  rate_limited: entry(429, 'Too many requests.', 'Wait for the seconds in Retry-After, then try again.'),
  internal: entry(
    500,
    'Something went wrong on this side.',
    'Try again; if it stays, tell the operator the trace id.',
  ),
  runtime_unsupported: entry(
    501,
    'This gateway can not do that where it runs.',
    'Do it on a gateway on Node or Deno with the same database and sealing key; see `detail` and docs/runtimes.md.',
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
    'Tell the operator: nothing was activated. Check the authority’s template and configuration.',
  ),
  audit_unavailable: entry(
    503,
    'The answer can not be recorded now, and so is not given.',
    'Try again in a moment; this grant’s answers leave only once they are in the audit log.',
  ),
  revocations_lost: entry(
    503,
    'This gateway’s database is older than revocations it has published.',
    'Its operator: compare the grants with what was revoked, then `mosaic gateway accept-restore`.',
  ),
  misconfigured: entry(
    503,
    'The configuration of this gateway is not valid.',
    'Its operator: correct the settings named in `issues`, then deploy again.',
  ),
  database_unavailable: entry(503, 'The database cannot answer now.', 'Try again in a moment.'),
  unavailable: entry(503, 'The gateway cannot answer now.', 'Try again in a moment.'),
  peer_circuit_open: entry(
    503,
    'The peer failed several times and is not asked for a moment.',
    'Wait for the seconds in Retry-After, or query `source=local`.',
  ),
  peer_timeout: entry(504, 'The peer did not answer in time.', 'Try again later, or query `source=local`.'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export const ERROR_CODES = Object.keys(ERROR_CATALOGUE) as readonly ErrorCode[];

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERROR_CATALOGUE, value);
