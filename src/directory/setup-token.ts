import { toBase64Url } from '../../domain/bytes.ts';
import { portableHashing, type Hashing } from '../kernel/mac.ts';

const TOKEN_BYTES = 24;
const encoder = new TextEncoder();
const LABEL = encoder.encode('mosaic-setup-token-1');

/**
 * What whoever creates the first administrator has to show (FAULTS F-44): an HMAC of a fixed label under the sealing key. So all
 * replicas and runtimes have the same one, nothing is stored, and only who may read the sealing key can make it.
 *
 * @returns `setup_` and 32 characters of base64url
 */
export const setupTokenOf = (sealingKey: Uint8Array, { macWith }: Hashing = portableHashing): string =>
  `setup_${toBase64Url(macWith(sealingKey)(LABEL).subarray(0, TOKEN_BYTES))}`;
