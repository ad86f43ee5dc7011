import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import type { KeyValue, Log } from '../../../domain/ports/basics.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { coreSettings } from '../../config/settings.ts';
import { assemble, newGatewayMemory, type GatewayDeps } from '../../app/assemble.ts';
import { closeOutbound, purgeOutbound } from '../../outbound/outbound.ts';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { createOutage } from '../../kv/outage.ts';
import { createAlerts } from '../../operations/alerts.ts';
import { createSignInLimits } from '../../directory/sign-in-limits.ts';
import { WORK_LIMITS } from '../../kernel/work-in-flight.ts';
import { newAuditChains, systemClock, unseal, wire } from '../../app/wire.ts';
import { createCallScope } from '../common/call-scope.ts';
import { createJsonLog } from '../common/json-log.ts';
import { cleanFields } from '../common/redact.ts';
import { createRestKeyValue } from '../common/rest-key-value.ts';
import { atMost } from '../common/shutdown.ts';
import { createDatabaseGate, type DatabaseGate } from './database-gate.ts';
import type { Bindings, Configured, Isolate } from './isolate.ts';
import { openSocket } from './socket.ts';
import { createWorkerdTransport } from './transport.ts';
import { createTurns, type Turns } from './turns.ts';

/** What one request works with, and one look of the scheduled kind. */
export interface Opened {
  readonly deps: GatewayDeps;
  /** This isolate, as the audit log knows it. */
  readonly writerId: string;
  /** Writes out what was noted and lets go of every connection. Never throws. */
  readonly close: () => Promise<void>;
}

const AUDIT_MS = 5_000;
const STEP_MS = 2_000;
/** Beside the connection itself: whether it is the right database. */
const QUESTIONS_MS = 2_000;

const now = (): number => systemClock.now().getTime();

/** Connections of an isolate: as many as a process has of the pools together. */
const turnsOf = (isolate: Isolate, { database }: GatewayConfig): Turns => {
  const { pools, queueLimit: waiting } = database;
  const most = Object.values(pools).reduce((sum, { max }) => sum + max, 0);
  return (isolate.turns ??= createTurns({ most, waiting, waitMs: WORK_LIMITS.waitMs }, now));
};

const gateOf = (isolate: Isolate, { database }: GatewayConfig): DatabaseGate =>
  (isolate.gate ??= createDatabaseGate(database.connectTimeoutMs + QUESTIONS_MS, now));

/** Of this isolate: rate limits are per isolate until a shared store is configured. */
const kvOf = async (isolate: Isolate, config: GatewayConfig, log: Log): Promise<KeyValue> => {
  if (isolate.kv !== null) return isolate.kv;
  const { kv, kvOutage, sealingKey } = config;
  if (kv.type !== 'upstash' || sealingKey === null)
    return (isolate.kv = createMemoryKeyValue({ clock: systemClock }));
  const outage = createOutage({ ...kvOutage, clock: systemClock, log });
  const made = outage.guard(await createRestKeyValue({ config: kv, sealingKey, log }));
  return (isolate.kv ??= made);
};

/** How long logins and schema are believed to be as they were: each request has connections of its own. */
const FIT_MS = 60_000;

/** Migrations are run from Node before a deployment; two thousand isolates must not race for them. */
const openStorage = async (isolate: Isolate, config: GatewayConfig, isForPeer: boolean): Promise<Storage> => {
  const { databaseUrl: url, peersDatabaseUrl: peersUrl, database } = config;
  if (url === null || peersUrl === null) throw new Error('the configuration was not checked');
  const login = isForPeer ? 'peers' : 'api';
  const isKnownFit = now() < isolate.fitUntil[login];
  const storage = await gateOf(isolate, config).through(
    () =>
      openPostgresStorage({
        url,
        // A connection of the peers' login only where a peer asks.
        ...(isForPeer ? { peersUrl } : {}),
        ...database,
        isShortLived: true,
        callScope: createCallScope(),
        openSocket,
        isKnownFit,
      }),
    (late) => void late.close().catch(() => undefined),
  );
  if (!isKnownFit) isolate.fitUntil[login] = now() + FIT_MS;
  return storage;
};

const openParts = async (
  isolate: Isolate,
  { config, peerBindings: bindings }: Configured,
  env: Bindings,
  storage: Storage,
  log: Log,
): Promise<Opened> => {
  const { sealingKey, olderSealingKeys, gatewayName } = config;
  if (sealingKey === null) throw new Error('the configuration was not checked');
  const kv = await kvOf(isolate, config, log);
  const transport = createWorkerdTransport({ bindings, env, proven: isolate.provenBindings });
  isolate.unsealed ??= await unseal({ storage, sealingKey, olderSealingKeys });
  // Made with the first request: a Worker has no randomness before that.
  isolate.chains ??= newAuditChains();
  isolate.signIns ??= createSignInLimits(systemClock);
  isolate.alerts ??= createAlerts({ log, clock: systemClock, gatewayName, clean: cleanFields });
  isolate.memory ??= newGatewayMemory(coreSettings(config, null), systemClock, true);
  const { unsealed, chains, refusals, pkiMemory, signIns, auditCounters, memory, alerts } = isolate;
  const parts = { storage, kv, transport, sealingKey, gatewayName, log };
  const wired = await wire({
    ...parts,
    unsealed,
    chains,
    refusals,
    pkiMemory,
    signIns,
    auditCounters,
    isAuthorityLazy: true,
  });
  const deps = assemble({ ...wired.complete(coreSettings(config, null)), alerts }, memory);
  const close = async (): Promise<void> => {
    await atMost(log, 'outbound connections', STEP_MS, () => closeOutbound(deps.outbound));
    await atMost(log, 'audit', AUDIT_MS + STEP_MS, () => wired.audit.stop(AUDIT_MS));
    await atMost(log, 'database', STEP_MS, () => storage.close());
  };
  return { deps, writerId: wired.writerId, close };
};

/** Longest time the runtime lets an isolate go on after a request, less what closing takes. */
const CLEAN_MS = 26_000;

/**
 * Waits until what is cached is over and lets go of it: no timer outlives the request that set it, and rows of others must not stay only
 * because nobody asks again. One request at a time does so for all.
 */
export const cleanUp = async (isolate: Isolate): Promise<void> => {
  const { memory } = isolate;
  if (memory === null) return;
  const end = now() + CLEAN_MS;
  for (let next = purgeOutbound(memory.outbound); next !== null; next = purgeOutbound(memory.outbound)) {
    const until = Math.min(next, end);
    if (now() >= end || isolate.cleaningUntil >= until) return;
    isolate.cleaningUntil = until;
    await new Promise((resolve) => void setTimeout(resolve, Math.max(1, until - now())));
    isolate.cleaningUntil = 0;
  }
};

/**
 * Opens what a request needs, when it is its turn.
 * @throws MosaicError `database_unavailable` at once while it is away, `unavailable` when too many wait already
 */
export const open = async (
  isolate: Isolate,
  configured: Configured,
  env: Bindings,
  isForPeer = false,
): Promise<Opened> => {
  const { config } = configured;
  const log = createJsonLog(config.logLevel, config.gatewayName);
  gateOf(isolate, config).assertOpen();
  const giveBack = await turnsOf(isolate, config).take();
  try {
    const storage = await openStorage(isolate, config, isForPeer);
    try {
      const opened = await openParts(isolate, configured, env, storage, log);
      return { ...opened, close: () => opened.close().finally(giveBack) };
    } catch (error) {
      await storage.close();
      throw error;
    }
  } catch (error) {
    giveBack();
    throw error;
  }
};
