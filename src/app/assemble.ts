import type { Clock } from '../../domain/ports/basics.ts';
import type { InboundDeps } from '../inbound/deps.ts';
import {
  createEpochKeeper,
  newPublishedEpoch,
  type PublishedEpoch,
} from '../inbound/revocation/revocation-epoch.ts';
import type { OutboundDeps } from '../outbound/deps.ts';
import { createOutbound, newOutboundMemory, type OutboundMemory } from '../outbound/outbound.ts';
import { createRevocationLearner } from '../outbound/revocation/peer-revoked.ts';
import type { CoreSettings, Deps } from './deps.ts';

/** A whole gateway: what its apps and its workers are made of. */
export interface GatewayDeps extends OutboundDeps, InboundDeps {}

/** What is learned of peers and published to them, as data alone: it may outlive a request. */
export interface GatewayMemory {
  readonly outbound: OutboundMemory;
  readonly published: PublishedEpoch;
}

/** @param isIsolate of a runtime that starts anew for each request, with little memory */
export const newGatewayMemory = (settings: CoreSettings, clock: Clock, isIsolate = false): GatewayMemory => ({
  outbound: newOutboundMemory(settings, clock, isIsolate),
  published: newPublishedEpoch(),
});

/**
 * Makes what the inbound and the outbound side share, once for a gateway, of what a runtime has wired. Nothing runs, nothing is
 * connected.
 * @param memory of an earlier gateway of the same process, where a runtime starts anew for each request
 */
export const assemble = (
  core: Deps,
  memory: GatewayMemory = newGatewayMemory(core.settings, core.clock),
): GatewayDeps => {
  const epochs = createEpochKeeper(core, memory.published);
  const outbound = createOutbound(core, memory.outbound);
  const learner = createRevocationLearner({ ...core, outbound }, memory.outbound.polledAt);
  return { ...core, epochs, outbound, learner };
};
