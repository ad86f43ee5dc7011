// njs: what nginx knows of the client certificate, in the forms the gateway and the client read.

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

// RFC 9457 body for a refused handshake; the reason comes from OpenSSL through nginx.
function refusal(r) {
  const verify = r.variables.ssl_client_verify || 'NONE';
  const missing = verify === 'NONE';
  const code = missing ? 'certificate_required' : 'certificate_untrusted';
  const reason = verify.replace(/^FAILED:/, '');
  const problem = {
    type: `https://mosaic-federation.dev/problems/${code}`,
    title: missing ? 'A client certificate is required.' : 'The client certificate was refused.',
    status: 401,
    code: code,
    remedy: missing
      ? 'Connect with the certificate this gateway issued at enrollment.'
      : 'Use the certificate this gateway issued; enroll again if it has expired or was revoked.',
  };
  if (!missing) problem.detail = REASONS[reason] || 'not_verified';
  return JSON.stringify(problem);
}

export default { header, refusal };
