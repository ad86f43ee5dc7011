import type { Deps } from '../app/deps.ts';
import type { EpochKeeper } from './revocation/revocation-epoch.ts';

/** What answering peers takes. One of each a gateway; `assemble` (src/app/assemble.ts) makes them. */
export interface InboundDeps extends Deps {
  readonly epochs: EpochKeeper;
}
