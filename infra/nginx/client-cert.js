// njs: what nginx knows of the client certificate, in the forms the gateway and the client read.

// From domain/errors.ts and domain/peers/certificate-verdict.ts, by `mosaic infra nginx`.
const PROBLEMS = '@CERTIFICATE_PROBLEMS@';

// RFC 9440: a structured-field byte sequence of the DER, only ever for a certificate that verified.
function header(r) {
  if (r.variables.ssl_client_verify !== 'SUCCESS') return '';
  const pem = r.variables.ssl_client_raw_cert || '';
  const body = pem.replace(/-----[^-]+-----/g, '').replace(/\s+/g, '');
  return body === '' ? '' : `:${body}:`;
}

// RFC 9457 body for a refused handshake; nginx tells the reason in OpenSSL's words, and the rendered table has ours.
function refusal(r) {
  const verify = r.variables.ssl_client_verify || 'NONE';
  if (verify === 'NONE') return JSON.stringify(PROBLEMS.missing);
  const reason = verify.replace(/^FAILED:/, '');
  return JSON.stringify(PROBLEMS.reasons[reason] || PROBLEMS.untrusted);
}

export default { header, refusal };
