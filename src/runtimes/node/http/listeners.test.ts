import { describe, expect, it } from 'vitest';
import { withClientAddress, withForwardedAddress } from './listeners.ts';

const addressOf = (
  wrap: typeof withClientAddress,
  forwarded: string | undefined,
  proof?: string,
): unknown => {
  let seen: unknown;
  const handler = wrap((_request, env) => {
    seen = Reflect.get(env, 'clientAddress');
    return new Response();
  });
  const headers = {
    ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
    ...(proof === undefined ? {} : { 'mosaic-front-proof': proof }),
  };
  void handler(new Request('http://g/'), {
    incoming: { headers, socket: { remoteAddress: '192.0.2.1' } },
    outgoing: {},
  });
  return seen;
};

const isFront = (proof: string): boolean => proof === 'the front';

describe('X-16 whose request it is', () => {
  it('on a port: the connection’s, whatever a header says', () => {
    expect(addressOf(withClientAddress, '203.0.113.9')).toBe('192.0.2.1');
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['10.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, 2001:db8::1', '2001:db8::1'],
    ['203.0.113.9, nonsense', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('on a socket, with %j: what the front wrote last', (header, address) => {
    expect(addressOf(withForwardedAddress(isFront), header, 'the front')).toBe(address);
  });

  it.each([undefined, '', 'somebody else'])('F-36 on a socket, proven by %j: nobody’s', (proof) => {
    expect(addressOf(withForwardedAddress(isFront), '203.0.113.9', proof)).toBeUndefined();
  });
});
