import type { CertificateSource } from './certificate-source.ts';

/** Longest header value that is looked at: far above any certificate of ours. */
const MAX_LENGTH = 16_384;
const BYTE_SEQUENCE = /^:([A-Za-z0-9+/]+={0,2}):$/;

/** The DER in a `Client-Cert` field (RFC 9440), or null for a value that is none, or longer than any certificate. */
export const derOfHeader = (value: string): Uint8Array | null => {
  if (value.length > MAX_LENGTH) return null;
  const base64 = BYTE_SEQUENCE.exec(value)?.[1];
  if (base64 === undefined) return null;
  try {
    const binary = atob(base64);
    // One text for one certificate: `atob` takes other paddings, and bits that it drops (RFC 8941 section 4.2.7 leaves it open).
    return btoa(binary) === base64 ? Uint8Array.from(binary, (char) => char.charCodeAt(0)) : null;
  } catch {
    return null;
  }
};

/**
 * RFC 9440: `Client-Cert: :<base64 DER>:`, set by the TLS front, which overwrites whatever a client sent. Only for
 * a listener that nobody but the front can reach. Two such headers arrive joined by a comma and are refused.
 */
export const certificateHeader: CertificateSource = (c) => {
  const value = c.req.header('client-cert');
  return value === undefined ? null : { key: value, der: () => derOfHeader(value) };
};
