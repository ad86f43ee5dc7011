import { MosaicError } from '../../domain/errors.ts';
import type { Sealer } from '../../domain/ports/basics.ts';
import type { SecretStore } from '../../domain/ports/sealed.ts';
import { sealedUnder } from './seal.ts';

/** Name of the gateway secret that tells whether a key is the right one. */
export const CANARY_NAME = 'sealing-canary';
const IDENTITY = `gateway_secrets/${CANARY_NAME}`;
const CANARY = new TextEncoder().encode('mosaic-federation');

/** Whether the key opens a stored canary. */
export const opensCanary = async (stored: string, sealer: Sealer): Promise<boolean> => {
  try {
    const opened = await sealer.open(stored, IDENTITY);
    return opened.length === CANARY.length && opened.every((byte, index) => byte === CANARY[index]);
  } catch (error) {
    if (error instanceof MosaicError) return false;
    throw error;
  }
};

/** The key that was given is not the one that this database was sealed under. */
export class WrongSealingKey extends MosaicError {
  /** Of the key that it was sealed under; null when that cannot be read. */
  readonly keyId: string | null;

  constructor(keyId: string | null) {
    super('unavailable', {
      detail:
        `The configured sealing key does not open this database, which was sealed under key ${keyId ?? '(unreadable)'}. ` +
        'Start with the key it was created with (MOSAIC_SEALING_KEY or MOSAIC_SEALING_KEY_FILE); it is the same on all replicas.',
    });
    this.keyId = keyId;
  }
}

/**
 * At start: whether the configured key opens what this database holds sealed (ABUSE 50). The first start leaves a
 * sealed canary.
 * @throws MosaicError `unavailable`, with a detail for the operator
 */
export const checkSealingKey = async (secrets: SecretStore, sealer: Sealer): Promise<void> => {
  const stored =
    (await secrets.get(CANARY_NAME)) ??
    (await secrets.putIfAbsent(CANARY_NAME, await sealer.seal(CANARY, IDENTITY)));
  if (await opensCanary(stored, sealer)) return;
  throw new WrongSealingKey(sealedUnder(stored));
};
