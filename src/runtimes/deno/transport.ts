import { MosaicError } from '../../../domain/errors.ts';
import type { PeerClient, PeerTransport } from '../../app/deps.ts';
import { transportError } from '../node/peer-transport/transport-errors.ts';
import { createAddressGuard, hostOf, type AddressGuard } from '../node/peer-transport/transport-guard.ts';
import { pinnedRoot } from '../node/peer-transport/transport-pin.ts';
import { denoApi, type DenoHttpClient } from './deno-api.ts';

export interface DenoTransportOptions {
  readonly allowPrivateAddresses: boolean;
  readonly allowLoopbackHttp: boolean;
}

type Credentials = Parameters<ReturnType<typeof denoApi>['createHttpClient']>[0];

const createClient = (
  guard: AddressGuard,
  credentials: Credentials,
  protocol: 'http:' | 'https:',
): PeerClient => {
  const client: DenoHttpClient = denoApi().createHttpClient({ ...credentials, poolMaxIdlePerHost: 8 });
  return {
    fetch: async (text, init = {}) => {
      const url = guard.checkUrl(text);
      if (url.protocol !== protocol)
        throw new MosaicError('address_refused', { detail: `Only ${protocol} is called.` });
      // Deno resolves again when it connects: a name that changes in between is left to --deny-net (docs/reference/runtimes.md).
      await guard.addresses(hostOf(url));
      try {
        return await fetch(url, { ...init, redirect: 'manual', client } as RequestInit);
      } catch (error) {
        init.signal?.throwIfAborted();
        throw transportError(error, credentials.cert === undefined && protocol === 'https:');
      }
    },
    close: async () => client.close(),
  };
};

/** How Deno reaches other gateways: its own HTTP client, with certificate and root given as PEM. */
export const createDenoTransport = (options: DenoTransportOptions): PeerTransport => {
  const guard = createAddressGuard(options.allowPrivateAddresses ? 'private-too' : 'public');
  const loopback = createAddressGuard('loopback-only');
  return {
    connect: ({ caPem, certPem, keyPem }) =>
      createClient(guard, { caCerts: [caPem], cert: certPem, key: keyPem }, 'https:'),
    anonymous: (caPem) => {
      if (caPem !== null) return createClient(guard, { caCerts: [caPem] }, 'https:');
      if (options.allowLoopbackHttp) return createClient(loopback, {}, 'http:');
      throw new MosaicError('address_refused', { detail: 'Plain HTTP is not enabled on this gateway.' });
    },
    pinnedRoot: (url, fingerprint, timeoutMs) => pinnedRoot(guard, url, fingerprint, timeoutMs),
    assertAddressAllowed: async (text) => {
      const over = options.allowLoopbackHttp && text.startsWith('http:') ? loopback : guard;
      await over.addresses(hostOf(over.checkUrl(text)));
    },
  };
};
