import { err, ok, type Result } from '../../domain/result.ts';

export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PRIVATE KEY' | 'X509 CRL';

export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

/** Longest text that is looked at, in characters: room for a chain or a large CRL. */
const MAX_PEM_LENGTH = 4 * 1024 * 1024;
/** The same for a text of several revocation lists. */
export const MAX_LISTS_LENGTH = 24 * 1024 * 1024;
const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/;
const BASE64_LINE = /^[A-Za-z0-9+/]{1,76}={0,2}$/;

export const toBase64 = (bytes: Uint8Array): string => {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
};

/** Canonical base64 only: no white space, right padding, no stray bits in the last character. */
const fromBase64 = (text: string): Uint8Array | null => {
  if (text.length === 0 || text.length % 4 !== 0) return null;
  try {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
    return btoa(atob(text.slice(-4))) === text.slice(-4) ? bytes : null;
  } catch {
    return null;
  }
};

/** PEM (RFC 7468) with lines of 64 characters and a final line feed. */
export const derToPem = (der: Uint8Array, label: PemLabel): string => {
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
};

/**
 * Every block of a PEM text, in order. Strict (RFC 7468 section 3): nothing but blocks and blank lines, no
 * headers, matching labels, canonical base64.
 */
export const splitPem = (text: string, most = MAX_PEM_LENGTH): Result<readonly PemBlock[], string> => {
  if (text.length > most) return err('the PEM text is too long');
  const blocks: PemBlock[] = [];
  let label: string | null = null;
  let body: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (label === null) {
      if (line === '') continue;
      const begin = BEGIN.exec(line)?.[1];
      if (begin === undefined) return err('there is text outside the PEM blocks');
      label = begin;
      body = [];
    } else if (line === `-----END ${label}-----`) {
      const der = fromBase64(body.join(''));
      if (der === null) return err('a PEM block does not hold canonical base64');
      blocks.push({ label, der });
      label = null;
    } else {
      if (!BASE64_LINE.test(line)) return err('a PEM block holds something that is not base64');
      body.push(line);
    }
  }
  return label === null ? ok(blocks) : err('a PEM block has no matching end');
};

/** The DER of a text that holds exactly one block, of that label. */
export const pemToDer = (text: string, label: PemLabel): Result<Uint8Array, string> => {
  const blocks = splitPem(text);
  if (!blocks.ok) return blocks;
  const [block, ...others] = blocks.value;
  if (block === undefined || others.length > 0) return err('expected exactly one PEM block');
  return block.label === label ? ok(block.der) : err(`expected a PEM block labelled ${label}`);
};
