import type { Deps } from '../app/deps.ts';
import type { Outbound } from './outbound.ts';
import type { RevocationLearner } from './revocation/learning.ts';

/** What asking peers takes. One of each a gateway; `assemble` (src/app/assemble.ts) makes them. */
export interface OutboundDeps extends Deps {
  readonly outbound: Outbound;
  readonly learner: RevocationLearner;
}
