import { ipOctets } from '../../ca/x509/names.ts';
import { toHex } from '../../domain/bytes.ts';

/** `::ffff:0:0/96`: how an IPv4 address is written where IPv6 is spoken (RFC 4291, section 2.5.5.2). */
const MAPPED = '00000000000000000000ffff';

/**
 * One bucket an IPv4 address and an IPv6 /64, which one household or machine holds as a whole; however the address is
 * spelt, so that nobody has several by spelling theirs differently.
 */
export const addressBucket = (address: string | null): string => {
  if (address === null) return 'unknown';
  const text = address.replace(/%.*$/, '');
  const octets = text.includes(':') ? ipOctets(text) : null;
  if (octets === null) return text;
  const digits = toHex(octets);
  if (digits.startsWith(MAPPED)) return octets.slice(12).join('.');
  return `${digits.slice(0, 16)}/64`;
};
