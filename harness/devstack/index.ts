import { boot, takeDown, type HarnessHandle, type HarnessOptions } from './handle.ts';
import { seedStack, type Seed, type Variant } from './seed/seed.ts';
import type { Side } from './stack/state.ts';

export type { HarnessHandle, HarnessOptions } from './handle.ts';
export type { Seed, Variant } from './seed/seed.ts';

/** A gateway of the harness as clients reach it: through its front. */
export interface HarnessServer {
  /** Public API. */
  readonly baseUrl: string;
  /** Mutual TLS, for peers. */
  readonly federationUrl: string;
}

/**
 * Boots two gateways, each with its own Postgres and Valkey behind nginx, and one step-ca. A healthy stack of the same
 * state folder is used as it is (`ownedStack: false`).
 * @throws Error naming what failed, with the end of its log; the logs stay
 */
export const bootHarness = (options: HarnessOptions = {}): Promise<HarnessHandle> => boot(options);

/** Stops the stack if this handle booted it; its data stays for the next boot unless `volumes` is set. */
export const tearDownHarness = async (
  handle: HarnessHandle,
  options: { readonly volumes?: boolean } = {},
): Promise<void> => {
  if (handle.ownedStack) await takeDown(handle.stateDir, options.volumes === true);
};

const serverOf = ({ state }: HarnessHandle, side: Side): HarnessServer => {
  const { baseUrl, federationUrl } = state.gateways[side];
  return { baseUrl, federationUrl };
};

/** The gateway at home, which asks. */
export const serverA = (handle: HarnessHandle): HarnessServer => serverOf(handle, 'a');

/** The gateway at work, which serves. */
export const serverB = (handle: HarnessHandle): HarnessServer => serverOf(handle, 'b');

/**
 * Fills two empty gateways with people and rows and enrolls the variants asked for, over the same API as anyone.
 * @throws Error with the command that resets the stack when somebody is there already
 */
export const seed = <V extends Variant | 'all'>(
  handle: HarnessHandle,
  which: V,
): Promise<Seed<V extends Variant ? V : Variant>> => seedStack(handle, which);
