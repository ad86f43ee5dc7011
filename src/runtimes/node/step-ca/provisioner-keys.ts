import { readProvisionerKey, type ProvisionerKey } from '../../../../ca/step-ca/provisioner-key.ts';
import type { GatewayConfig, StepCaPlace } from '../../../config/config.ts';

/** Of `mosaic-fed` and `mosaic-tls`. */
export type ProvisionerKeys = readonly [client: ProvisionerKey, server: ProvisionerKey];

const begun = new WeakMap<StepCaPlace, Promise<ProvisionerKeys>>();

/** Both keys of a step-ca, decrypted once for a configuration. @throws MosaicError saying what to set */
export const provisionerKeys = (place: StepCaPlace): Promise<ProvisionerKeys> => {
  const known = begun.get(place);
  if (known !== undefined) return known;
  const { provisionerKey, tlsProvisionerKey, provisionerPassword: password } = place;
  const keys = Promise.all([
    readProvisionerKey('mosaic-fed', provisionerKey, password),
    readProvisionerKey('mosaic-tls', tlsProvisionerKey, password),
  ]);
  begun.set(place, keys);
  return keys;
};

/**
 * Begins to decrypt them on the engine's other threads: 600,000 rounds each, as long as loading the gateway's modules takes.
 * Nothing is waited for and nothing has a deadline; what fails is told by `provisionerKeys`, when the step-ca is opened.
 */
export const beginProvisionerKeys = ({ ca }: Pick<GatewayConfig, 'ca'>): void => {
  if (ca.type === 'embedded') return;
  for (const place of ca.next === null ? [ca] : [ca, ca.next]) provisionerKeys(place).catch(() => undefined);
};
