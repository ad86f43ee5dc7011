import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../../../domain/errors.ts';
import { createAddressGuard, mayConnect, type Reach, type Resolve } from './transport-guard.ts';

const resolveTo =
  (...addresses: readonly string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return 'allowed';
  } catch (error) {
    return error instanceof MosaicError ? error.code : String(error);
  }
};

const urlCode = (url: string, reach: Reach = 'public'): Promise<string> =>
  codeOf(() => createAddressGuard(reach, resolveTo('93.184.216.34')).checkUrl(url));

const PRIVATE = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '100.127.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.7',
  '203.0.113.9',
  '::1',
  'fc00::1',
  'fd12:3456::1',
  'fec0::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.1.2.3',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::1',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
  '2001:db8::1',
  '::ffff:0:7f00:1',
  '3fff::1',
  '5f00::1',
];
const NEVER = [
  // Link-local: the clouds’ metadata services.
  '169.254.169.254',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fe80::1%eth0',
  '0.0.0.0',
  '0.1.2.3',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  'ff02::1',
  '::ffff:0.0.0.0',
];
const PUBLIC = [
  '1.1.1.1',
  '93.184.216.34',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:1.1.1.1',
];

describe('X-63 addresses', () => {
  it.each(PRIVATE)('%s is refused unless private addresses are allowed', (address) => {
    expect(mayConnect(address, 'public')).toBe(false);
    expect(mayConnect(address, 'private-too')).toBe(true);
  });

  it.each(NEVER)('%s is refused always', (address) => {
    for (const reach of ['public', 'private-too', 'loopback-only'] as const)
      expect(mayConnect(address, reach)).toBe(false);
  });

  it.each(PUBLIC)('%s may be called, and is no loopback', (address) => {
    expect(mayConnect(address, 'public')).toBe(true);
    expect(mayConnect(address, 'loopback-only')).toBe(false);
  });

  it.each(['', 'localhost', '1.2.3', '1.2.3.4.5', '::g', '1.2.3.4/8'])('%j is no address', (text) => {
    expect(mayConnect(text, 'private-too')).toBe(false);
  });
});

describe('X-63 URLs', () => {
  it.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://017700000001/',
    'https://127.1/',
    'https://0x7f.1:8443/',
    'https://①②⑦.0.0.1/',
    'https://127。0。0。1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[0:0:0:0:0:ffff:7f00:0001]/',
    'https://[::127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://[fe80::1]/',
    'https://10.0.0.1/',
    'https://0/',
    'https://0.0.0.0/',
    'https://%31%32%37.0.0.1/',
    'https://user@93.184.216.34/',
    'https://user:password@peer.example/',
    'https://:@peer.example@127.0.0.1/',
    'file:///etc/passwd',
    'http://peer.example/',
    'http://127.0.0.1/',
    'ftp://peer.example/',
    'data:text/plain,x',
    'unix:/run/x.sock',
    'javascript:1',
    '//peer.example',
    'peer.example',
    '',
  ])('%s is refused', async (url) => {
    expect(await urlCode(url)).toBe('address_refused');
  });

  it('https with a public name or address is not', async () => {
    for (const url of [
      'https://peer.example:8443/x',
      'https://93.184.216.34/',
      'https://[2606:4700::1111]/',
    ]) {
      expect(await urlCode(url)).toBe('allowed');
    }
  });

  it('an operator may allow private addresses, but no other scheme, no user and no address that is never right', async () => {
    expect(await urlCode('https://127.0.0.1/', 'private-too')).toBe('allowed');
    for (const url of [
      'http://127.0.0.1/',
      'file:///x',
      'https://a@10.0.0.1/',
      'https://0.0.0.0/',
      'https://224.0.0.1/',
    ]) {
      expect(await urlCode(url, 'private-too')).toBe('address_refused');
    }
  });
});

describe('X-63 names', () => {
  const addresses = (reach: Reach, ...resolved: readonly string[]) =>
    codeOf(() => createAddressGuard(reach, resolveTo(...resolved)).addresses('peer.example'));

  it('are refused as soon as one of their addresses is', async () => {
    expect(await addresses('public', '93.184.216.34')).toBe('allowed');
    expect(await addresses('public', '127.0.0.1')).toBe('address_refused');
    expect(await addresses('public', '93.184.216.34', '10.0.0.1')).toBe('address_refused');
    expect(await addresses('public', '2606:4700::1111', '::1')).toBe('address_refused');
    expect(await addresses('public')).toBe('address_refused');
    expect(await addresses('loopback-only', '127.0.0.1', '::1')).toBe('allowed');
    expect(await addresses('loopback-only', '10.0.0.1')).toBe('address_refused');
  });

  it('that do not resolve are unreachable', async () => {
    const guard = createAddressGuard('public', () => Promise.reject(new Error('ENOTFOUND')));
    expect(await codeOf(() => guard.addresses('peer.example'))).toBe('peer_unreachable');
  });
});
