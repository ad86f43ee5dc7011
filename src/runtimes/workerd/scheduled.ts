import { reportSilentWriters } from '../../audit/audit-losses.ts';
import { createListRounds } from '../../outbound/revocation/peer-crl-watch.ts';
import { drainRevocations } from '../../inbound/revocation/revocation.ts';
import type { Opened } from './open.ts';

/**
 * What a process does in the background, in one round: wrangler.toml has it run every minute. Outbound mutual TLS is a binding made at
 * deployment here, so no certificate of ours is renewed.
 *
 * @returns names of the steps that failed: the others ran all the same
 */
export const scheduledRound = async ({ deps, writerId }: Opened): Promise<readonly string[]> => {
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    // Certificates that were superseded end.
    superseded: () => deps.storage.stores.certificates.revokeSuperseded(deps.clock.now()),
    // The authority hears of revocations that no request has told it of.
    revocations: () => drainRevocations(deps),
    // Whether a gateway that we ask has revoked us.
    lists: () => createListRounds(deps).round(),
    // Gateways on this database that ended without writing out their audit log.
    writers: () => reportSilentWriters(deps, writerId),
  };
  const failed: string[] = [];
  for (const [step, run] of Object.entries(steps)) {
    try {
      await run();
    } catch (error) {
      failed.push(step);
      deps.log.error('a step of the scheduled round failed', { step, error: error as Error });
    }
  }
  return failed;
};
