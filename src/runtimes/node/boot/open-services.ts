import { readFileSync } from 'node:fs';
import type { KeyValue, Log } from '../../../../domain/ports/basics.ts';
import type { Storage } from '../../../../domain/ports/storage.ts';
import type { GatewayConfig, KvConfig } from '../../../config/config.ts';
import type { DatabaseUrls } from '../../../config/settings.ts';
import { createMemoryKeyValue } from '../../../kv/memory.ts';
import { createOutage } from '../../../kv/outage.ts';
import { databaseWatch, hindranceWatch } from '../../../operations/database-watch.ts';
import { systemClock } from '../../../app/wire.ts';
import { createCallScope } from '../../common/call-scope.ts';
import { BootError, within, type BootFault } from './boot-fault.ts';
import { databaseSources } from './database-address.ts';
import { factsReason, factsWarning, kvReason, placeOf, postgresReason } from './explain-services.ts';
import { openStepCas, type OpenedAuthority } from '../step-ca/step-ca-generations.ts';

/** Turns whatever an opening throws into a fault with a name, a place and a remedy. */
const asFault = (
  error: unknown,
  place: Pick<BootFault, 'service' | 'where'>,
  reasonOf: (error: unknown) => Pick<BootFault, 'message' | 'remedy'>,
): BootError => (error instanceof BootError ? error : new BootError([{ ...place, ...reasonOf(error) }]));

/** Postgres: reachable, new enough, with pgvector, its schema current, each login fit. @throws BootError */
export const openPostgres = async (
  urls: DatabaseUrls,
  { database }: Pick<GatewayConfig, 'database'>,
  log: Log,
): Promise<Storage> => {
  const place = { service: 'Postgres', where: placeOf(urls.url) } as const;
  const { openPostgresStorage } = await import('../../../../db/connect/postgres.ts');
  let answered: () => void = () => undefined;
  const opening = openPostgresStorage({
    ...database,
    ...databaseSources(urls, database),
    callScope: createCallScope(),
    onState: databaseWatch(log),
    onHindered: hindranceWatch(log),
    onFacts: (facts) => {
      answered();
      const reason = factsReason(facts, urls.maintenanceUrl !== undefined);
      if (reason !== null) throw new BootError([{ ...place, ...reason }]);
      const warning = factsWarning(facts);
      if (warning !== null) log.warn(`Postgres: ${warning.message}`, { remedy: warning.remedy });
    },
  });
  // A first migration, and waiting for another replica's, may take longer than being reached.
  const reached = new Promise<void>((resolve) => (answered = resolve));
  try {
    await within(Promise.race([reached, opening.then(() => undefined)]));
    return await opening;
  } catch (error) {
    opening.then(
      (storage) => storage.close(),
      () => undefined,
    );
    throw asFault(error, place, postgresReason);
  }
};

const openRemoteKv = async (
  config: Exclude<KvConfig, { type: 'memory' }>,
  sealingKey: Uint8Array,
  log: Log,
): Promise<KeyValue> => {
  const { createEncryptedKeyValue } = await import('../../../kv/encrypted.ts');
  const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const inner = await openInner(config, log);
  try {
    await inner.ping();
    return await createEncryptedKeyValue({
      inner,
      sealingKey: Uint8Array.from(sealingKey),
      clock: systemClock,
      random,
      log,
    });
  } catch (error) {
    await inner.close();
    throw error;
  }
};

const openInner = async (config: Exclude<KvConfig, { type: 'memory' }>, log: Log): Promise<KeyValue> => {
  if (config.type === 'upstash') {
    const { createUpstashKeyValue } = await import('../../../kv/upstash.ts');
    return createUpstashKeyValue({ url: config.url, token: config.token });
  }
  const { url, passwordFile, caPath } = config;
  const { openValkey } = await import('../../../kv/valkey.ts');
  return openValkey({
    url,
    log,
    ...(passwordFile === null ? {} : { passwordFile }),
    ...(caPath === null ? {} : { tls: { ca: readFileSync(caPath, 'utf8') } }),
  });
};

/** The key-value store, its values encrypted wherever they leave the process. @throws BootError */
export const openKv = async (
  { kv: config, kvOutage }: Pick<GatewayConfig, 'kv' | 'kvOutage'>,
  sealingKey: Uint8Array,
  log: Log,
): Promise<KeyValue> => {
  if (config.type === 'memory') return createMemoryKeyValue({ clock: systemClock });
  const service = config.type === 'valkey' ? 'Valkey' : 'Upstash';
  const variable =
    config.type === 'valkey' ? 'VALKEY_URL' : 'UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN';
  const place = { service, where: placeOf(config.url) } as const;
  try {
    const remote = await within(openRemoteKv(config, sealingKey, log), (kv) => kv.close());
    return createOutage({ ...kvOutage, clock: systemClock, log }).guard(remote);
  } catch (error) {
    throw asFault(error, place, (cause) => kvReason(cause, variable));
  }
};

/** step-ca, reached and checked; null for the embedded authority, which needs the database. @throws BootError */
export const openAuthority = async ({ ca, federation }: GatewayConfig): Promise<OpenedAuthority | null> => {
  return ca.type === 'embedded' ? null : openStepCas(ca, federation.leafLifetimeSeconds);
};
