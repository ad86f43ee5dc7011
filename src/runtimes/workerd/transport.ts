import { MosaicError } from '../../../domain/errors.ts';
import type { PeerTransport } from '../../deps.ts';

const refuse = (): never => {
  throw new MosaicError('unavailable', {
    detail:
      'This gateway runs on Workers, where client certificates are bound when it is deployed: it serves peers but can not ask them. ' +
      'Run the asking gateway on Node or Deno.',
  });
};

/** Workers present client certificates only by bindings fixed at deployment, never one enrolled at run time. */
export const noTransport: PeerTransport = {
  connect: () => ({ fetch: async () => refuse(), close: async () => {} }),
  anonymous: () => ({ fetch: async () => refuse(), close: async () => {} }),
  pinnedRoot: async () => refuse(),
  assertAddressAllowed: async () => refuse(),
};
