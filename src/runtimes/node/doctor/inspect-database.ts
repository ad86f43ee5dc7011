import { join } from 'node:path';
import { statSync } from 'node:fs';
import { CANARY_NAME, opensCanary } from '../../../../db/sealing/seal-check.ts';
import { createSealer, sealingKeys } from '../../../../db/sealing/seal.ts';
import type { Storage } from '../../../../domain/ports/storage.ts';
import { LOGINS_CURE } from '../../../../db/refusals.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { databaseUrlsOf, type DatabaseUrls } from '../../../config/settings.ts';
import { within } from '../boot/boot-fault.ts';
import { databaseSources } from '../boot/database-address.ts';
import { DataFolderError, openDataFolder } from '../boot/data-folder.ts';
import { factsReason, placeOf, postgresReason } from '../boot/explain-services.ts';
import { folderSealingKeys, type FolderKeys } from '../boot/sealing-files.ts';
import type { Finding } from './finding.ts';

const CONNECT_MS = 3_000;
const PAGE = 200;
/** More peers than these are counted by nobody's eye. */
const MAX_PEERS = 1_000;

/** What the configuration says; null where the data folder does. */
const keysOf = ({ sealingKey, olderSealingKeys: older }: GatewayConfig): FolderKeys | null =>
  sealingKey === null ? null : { current: sealingKey, older };

const sealingKeyOf = async (storage: Storage, key: FolderKeys | null): Promise<readonly Finding[]> => {
  if (key === null) return [];
  const stored = await storage.stores.secrets.get(CANARY_NAME);
  const sealer = createSealer(await sealingKeys(key.current, key.older));
  return [{ kind: 'sealing-key', opens: stored === null ? null : await opensCanary(stored, sealer) }];
};

const revocationsOf = async (storage: Storage): Promise<readonly Finding[]> => [
  { kind: 'revocations', isLost: (await storage.stores.revocationEpoch.read(0)).lostSince !== null },
];

const peersOf = async (storage: Storage): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  let after: Parameters<Storage['stores']['peers']['list']>[0]['after'] = null;
  do {
    const page = await storage.stores.peers.list({ limit: PAGE, after }, {});
    for (const peer of page.items) {
      const { lastFailureAt: failed, lastSuccessAt: succeeded } = peer;
      const failure =
        failed !== null && (succeeded === null || failed > succeeded) ? peer.lastFailureCode : null;
      // Only the running gateway knows its circuits.
      findings.push({ kind: 'peer', standing: { ...peer, circuit: 'closed', failure } });
    }
    after = page.next;
  } while (after !== null && findings.length < MAX_PEERS);
  return findings;
};

const contentsOf = async (storage: Storage, key: FolderKeys | null): Promise<readonly Finding[]> => {
  try {
    return [
      ...(await sealingKeyOf(storage, key)),
      ...(await revocationsOf(storage)),
      ...(await peersOf(storage)),
    ];
  } finally {
    await storage.close();
  }
};

const loginsOf = (logins: Readonly<Record<string, string | null>>): readonly Finding[] =>
  Object.entries(logins).map(([purpose, fault]) => ({
    kind: 'login',
    purpose,
    problem: fault === null ? null : { message: fault, remedy: LOGINS_CURE },
  }));

const loggedOf = (settings: Readonly<Record<string, readonly string[]>>): readonly Finding[] =>
  Object.entries(settings).map(([purpose, each]) => ({
    kind: 'parameter-logging',
    purpose,
    settings: each,
  }));

const inspectPostgres = async (
  urls: DatabaseUrls,
  { database: settings }: Pick<GatewayConfig, 'database'>,
  key: FolderKeys | null,
): Promise<readonly Finding[]> => {
  const sources = databaseSources(urls, settings);
  const { maintenanceUrl: _, ...withoutMaintenance } = sources;
  const { openPostgresStorage } = await import('../../../../db/connect/postgres.ts');
  const { probePostgres } = await import('../../../../db/connect/probe.ts');
  const where = placeOf(urls.url);
  const from = performance.now();
  const elapsed = (): number => Math.round(performance.now() - from);
  const connectTimeoutMs = CONNECT_MS;
  try {
    const { facts, pending, logins, parameterLogging, isSetupOutdated } = await within(
      probePostgres({ ...sources, connectTimeoutMs }),
    );
    const seen = { ...facts, pending };
    const ms = elapsed();
    const tooOld = factsReason({ ...facts, vector: facts.vector ?? 'later' }, true);
    const database: Finding = { kind: 'database', where, ms, problem: tooOld, facts: seen };
    const outdated: readonly Finding[] = isSetupOutdated ? [{ kind: 'outdated-setup' }] : [];
    const found = [database, ...loginsOf(logins), ...outdated, ...loggedOf(parameterLogging)];
    const isUnfit = Object.values(logins).some((fault) => fault !== null);
    if (tooOld !== null || isUnfit || pending === null || pending.length > 0) return found;
    const storage = await within(
      openPostgresStorage({ ...withoutMaintenance, connectTimeoutMs, isShortLived: true }),
      (late) => late.close(),
    );
    return [...found, ...(await within(contentsOf(storage, key)))];
  } catch (error) {
    return [{ kind: 'database', where, ms: elapsed(), problem: postgresReason(error), facts: null }];
  }
};

/** Opens the folder's database only when no gateway holds it: two processes on one folder destroy it. */
const inspectFolder = async (config: GatewayConfig): Promise<readonly Finding[]> => {
  const { dataDir: where } = config;
  if (statSync(join(where, 'database'), { throwIfNoEntry: false }) === undefined)
    return [{ kind: 'folder', where, ms: null, problem: null, holder: null }];
  try {
    const folder = openDataFolder(where);
    try {
      const key = keysOf(config) ?? folderSealingKeys(folder);
      const { openPgliteStorage } = await import('../../../../db/connect/pglite.ts');
      const from = performance.now();
      const storage = await openPgliteStorage({ dataDir: folder.database, exists: true });
      const ms = Math.round(performance.now() - from);
      return [
        { kind: 'folder', where, ms: null, problem: null, holder: null },
        { kind: 'database', where: folder.database, ms, problem: null, facts: null },
        ...(await contentsOf(storage, key)),
      ];
    } finally {
      folder.release();
    }
  } catch (error) {
    const holder = / is in use by ([^.]+)\./.exec(error instanceof Error ? error.message : '')?.[1];
    if (holder !== undefined) return [{ kind: 'folder', where, ms: null, problem: null, holder }];
    const message = error instanceof DataFolderError ? error.message : 'its database cannot be opened';
    const remedy =
      'see docs/reference/configuration.md; restore the folder from your backup if it is damaged';
    return [{ kind: 'folder', where, ms: null, problem: { message, remedy }, holder: null }];
  }
};

export const inspectDatabase = (config: GatewayConfig): Promise<readonly Finding[]> => {
  // As they are configured, whether a start migrates or not.
  const urls = databaseUrlsOf({ ...config, isMigrating: true });
  return urls === null ? inspectFolder(config) : inspectPostgres(urls, config, keysOf(config));
};
