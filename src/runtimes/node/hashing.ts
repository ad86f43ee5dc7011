import { createHash, createHmac, createSecretKey } from 'node:crypto';
import type { Hashing } from '../../services/mac.ts';

/** Node's own SHA-256 takes half of what JavaScript takes; it stands on the way of every request five times. */
export const nodeHashing: Hashing = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  macWith: (key) => {
    const secret = createSecretKey(key);
    return (message) => createHmac('sha256', secret).update(message).digest();
  },
};
