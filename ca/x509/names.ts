import { fromHex } from './bytes.ts';

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;
const IPV6 = /^[0-9a-fA-F:.]{2,45}$/;

/** A lower-case host name of letters, digits and hyphens; no wildcard, and not something that reads as an IP address. */
export const isDnsName = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((label) => LABEL.test(label)) && !/^[\d.]+$/.test(name);

/** The 16 octets of an IPv6 address. The URL parser knows every spelling and gives one (WHATWG URL). */
const ipv6Octets = (text: string): Uint8Array | null => {
  if (!IPV6.test(text) || !text.includes(':') || !URL.canParse(`http://[${text}]/`)) return null;
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::');
  const groups = (part: string): readonly string[] => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return fromHex([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''));
};

/** The 4 or 16 octets of an IP address in text form, or null. */
export const ipOctets = (text: string): Uint8Array | null =>
  IPV4.test(text) ? Uint8Array.from(text.split('.'), Number) : ipv6Octets(text);
