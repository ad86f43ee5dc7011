import type { EmbeddedAuthorityDeps } from '../embedded/authority.ts';
import { createMemoryCaStore, createMemorySecrets, createTestSealer, random } from './memory.testkit.ts';

/** What an embedded authority of its own needs; lists live an hour. */
export const embeddedDeps = async (): Promise<EmbeddedAuthorityDeps> => ({
  store: createMemoryCaStore(),
  secrets: createMemorySecrets(),
  sealer: await createTestSealer(),
  clock: { now: () => new Date() },
  random,
  crlLifetimeSeconds: 3600,
  commonName: 'Mosaic work',
});
