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
function problem(verify) {
  if (verify === 'NONE') return PROBLEMS.missing;
  const reason = verify.replace(/^FAILED:/, '');
  return PROBLEMS.reasons[reason] || PROBLEMS.untrusted;
}

function refusal(r) {
  const found = problem(r.variables.ssl_client_verify || 'NONE');
  // The id under which refused.log and the audit log have it.
  return JSON.stringify(Object.assign({}, found, { trace_id: r.variables.mosaic_trace_id }));
}

export default { header, refusal };
