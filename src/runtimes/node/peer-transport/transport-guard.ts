import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { MosaicError } from '../../../../domain/errors.ts';

/** Which addresses a client may connect to (ABUSE 63). */
export type Reach = 'public' | 'private-too' | 'loopback-only';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a host name; the operating system's resolver unless a test brings its own. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

const listOf = (v4: readonly string[], v6: readonly string[]): BlockList => {
  const list = new BlockList();
  const add = (range: string, family: 'ipv4' | 'ipv6'): void => {
    const [network, prefix] = range.split('/');
    list.addSubnet(network ?? '', Number(prefix), family);
  };
  for (const range of v4) add(range, 'ipv4');
  for (const range of v6) add(range, 'ipv6');
  return list;
};

/**
 * Never a gateway's address, whatever is configured: unspecified, multicast, reserved, broadcast, and link-local, where the clouds
 * have their metadata services.
 */
const NEVER = listOf(
  ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  ['::/128', '100::/64', 'fe80::/10', 'ff00::/8'],
);

const LOOPBACK = listOf(['127.0.0.0/8'], ['::1/128']);

/**
 * Addresses inside somebody's network, or that lead there by another name: private, shared (RFC 6598), protocol
 * assignments, documentation, benchmarks; in IPv6 also everything that embeds an IPv4 address (compatible, translated, NAT64, 6to4, Teredo), segment routing and the retired site-local range.
 * IPv4-mapped addresses are matched by the IPv4 ranges (node:net BlockList).
 */
const PRIVATE = listOf(
  [
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
  ],
  [
    '::/96',
    '::ffff:0:0:0/96',
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '2001::/23',
    '2001:db8::/32',
    '2002::/16',
    '3fff::/20',
    '5f00::/16',
    'fc00::/7',
    'fec0::/10',
  ],
);

const isIn = (list: BlockList, address: string): boolean =>
  list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** Whether an IP address, as text, may be connected to. Anything that is not an address may not. */
export const mayConnect = (address: string, reach: Reach): boolean => {
  // A zone (`fe80::1%eth0`) only says which link.
  const [bare = ''] = address.split('%');
  if (isIP(bare) === 0 || isIn(NEVER, bare)) return false;
  if (reach === 'loopback-only') return isIn(LOOPBACK, bare);
  return reach === 'private-too' || !isIn(PRIVATE, bare);
};

const refused = (hostname: string): MosaicError =>
  new MosaicError('address_refused', { detail: `${hostname} leads to an address that may not be called.` });

const fromSystem: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });

const PROTOCOLS: Readonly<Record<Reach, readonly string[]>> = {
  public: ['https:'],
  'private-too': ['https:'],
  'loopback-only': ['http:', 'https:'],
};

export interface AddressGuard {
  /**
   * Looks at the URL's text, and at the address where the host is one.
   * @throws MosaicError `address_refused`
   */
  checkUrl(url: string): URL;
  /**
   * All addresses of a host, every one of which may be called. A name that has one bad address is refused whole.
   * @throws MosaicError `address_refused`, `peer_unreachable` when the name does not resolve
   */
  addresses(hostname: string): Promise<readonly ResolvedAddress[]>;
  /** For `net.connect`: what was checked is what gets connected, so a name can't change its mind in between. */
  readonly lookup: LookupFunction;
}

/** The host of a URL without the brackets of an IPv6 address. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

export const createAddressGuard = (reach: Reach, resolve: Resolve = fromSystem): AddressGuard => {
  const addresses: AddressGuard['addresses'] = async (hostname) => {
    const found =
      isIP(hostname) === 0
        ? await resolve(hostname).catch((cause: unknown) => {
            throw new MosaicError('peer_unreachable', {
              detail: `The name ${hostname} does not resolve.`,
              cause,
            });
          })
        : [{ address: hostname, family: isIP(hostname) }];
    if (found.length === 0 || !found.every(({ address }) => mayConnect(address, reach)))
      throw refused(hostname);
    return found;
  };

  return {
    addresses,
    checkUrl: (text) => {
      const url = URL.parse(text);
      if (url === null) throw new MosaicError('address_refused', { detail: 'That is not an absolute URL.' });
      if (!PROTOCOLS[reach].includes(url.protocol)) {
        throw new MosaicError('address_refused', { detail: 'Only https addresses may be called.' });
      }
      if (url.username !== '' || url.password !== '') {
        throw new MosaicError('address_refused', {
          detail: 'An address may not hold a user name or password.',
        });
      }
      const host = hostOf(url);
      if (isIP(host) !== 0 && !mayConnect(host, reach)) throw refused(host);
      return url;
    },
    lookup: (hostname, options, callback) => {
      const answer = async (): Promise<void> => {
        const found = await addresses(hostname).catch((error: unknown) => error as Error);
        if (found instanceof Error) return callback(found, '', 0);
        const usable = found.filter(
          ({ family }) => ![4, 6].includes(Number(options.family)) || family === options.family,
        );
        const [first] = usable;
        if (first === undefined) return callback(refused(hostname), '', 0);
        return options.all === true
          ? callback(null, [...usable])
          : callback(null, first.address, first.family);
      };
      void answer();
    },
  };
};
