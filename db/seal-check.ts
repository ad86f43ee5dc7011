import { MosaicError } from '../domain/errors.ts';
import type { Sealer } from '../domain/ports/basics.ts';
import type { SecretStore } from '../domain/ports/federation.ts';
import { sealedUnder } from './seal.ts';

const NAME = 'sealing-canary';
const IDENTITY = `gateway_secrets/${NAME}`;
const CANARY = new TextEncoder().encode('mosaic-federation');

/**
 * At start: whether the configured key opens what this database holds sealed (ABUSE 50). The first start leaves a
 * sealed canary.
 * @throws MosaicError `unavailable`, with a detail for the operator
 */
export const checkSealingKey = async (secrets: SecretStore, sealer: Sealer): Promise<void> => {
  const stored =
    (await secrets.get(NAME)) ?? (await secrets.putIfAbsent(NAME, await sealer.seal(CANARY, IDENTITY)));
  try {
    const opened = await sealer.open(stored, IDENTITY);
    if (opened.length === CANARY.length && opened.every((byte, index) => byte === CANARY[index])) return;
  } catch (error) {
    if (!(error instanceof MosaicError)) throw error;
  }
  throw new MosaicError('unavailable', {
    detail:
      `The configured sealing key does not open this database, which was sealed under key ${sealedUnder(stored) ?? '(unreadable)'}. ` +
      'Start with the key it was created with (MOSAIC_SEALING_KEY or MOSAIC_SEALING_KEY_FILE); it is the same on all replicas.',
  });
};
