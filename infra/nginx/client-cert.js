// njs: what nginx knows of the client certificate, in the forms the gateway and the client read.

// From domain/errors.ts, by `mosaic infra nginx`.
const PROBLEMS = '@CERTIFICATE_PROBLEMS@';

const REASONS = {
  'certificate revoked': 'certificate_revoked',
  'certificate has expired': 'certificate_expired',
  'certificate is not yet valid': 'certificate_not_yet_valid',
  'unable to verify the first certificate': 'unknown_authority',
  'unable to get local issuer certificate': 'unknown_authority',
  'self-signed certificate': 'unknown_authority',
  'unsuitable certificate purpose': 'wrong_purpose',
  'CRL has expired': 'revocation_list_expired',
  'unable to get certificate CRL': 'revocation_list_missing',
};

// RFC 9440: a structured-field byte sequence of the DER, only ever for a certificate that verified.
function header(r) {
  if (r.variables.ssl_client_verify !== 'SUCCESS') return '';
  const pem = r.variables.ssl_client_raw_cert || '';
  const body = pem.replace(/-----[^-]+-----/g, '').replace(/\s+/g, '');
  return body === '' ? '' : `:${body}:`;
}

// RFC 9457 body for a refused handshake; the reason comes from OpenSSL through nginx, the rest from the catalogue.
function refusal(r) {
  const verify = r.variables.ssl_client_verify || 'NONE';
  if (verify === 'NONE') return JSON.stringify(PROBLEMS.missing);
  const reason = verify.replace(/^FAILED:/, '');
  return JSON.stringify(Object.assign({ detail: REASONS[reason] || 'not_verified' }, PROBLEMS.untrusted));
}

export default { header, refusal };
