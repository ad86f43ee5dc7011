import type { Authority } from '../../../../ca/authority.ts';
import type { Log } from '../../../../domain/ports/basics.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { coreSettings, reachableHost } from '../../../config/settings.ts';
import { assemble, type GatewayDeps } from '../../../app/assemble.ts';
import type { Deps } from '../../../app/deps.ts';
import { closeOutbound } from '../../../outbound/outbound.ts';
import { EMBEDDED_WORK_LIMITS } from '../../../kernel/work-in-flight.ts';
import { startRenewalWorker } from '../../../outbound/renewal/renewal-worker.ts';
import { startListWatch } from '../../../outbound/revocation/peer-crl-watch.ts';
import { startAuditWatch } from '../../../audit/audit-losses.ts';
import { startRevocationWorker } from '../../../inbound/revocation/revocation.ts';
import { createAlerts } from '../../../operations/alerts.ts';
import { systemClock, wire, type Wired } from '../../../app/wire.ts';
import { localKeyFault } from './data-folder-faults.ts';
import { settle } from './lean.ts';
import { createLog } from './log.ts';
import { createRefusedLog } from '../front/refused-log.ts';
import { sealingState } from '../../../operations/sealing.ts';
import { openServices, type Services } from './services.ts';
import { isSetupOpen, keepSetupToken } from './setup-token.ts';
import { nodeHashing } from './hashing.ts';
import { setupTokenOf } from '../../../directory/setup-token.ts';
import { createWebhook } from '../peer-transport/webhook.ts';
import { cleanFields } from '../../common/redact.ts';
import { createUndo, deadlineIn, stopInOrder } from '../../common/shutdown.ts';
import { openWatching } from '../../common/telemetry.ts';
import { listenForMetrics, startListeners } from '../http/start-listeners.ts';

export interface GatewayHooks {
  /** Default: JSON lines on stderr. */
  readonly log?: Log;
}

export interface RunningGateway {
  readonly publicUrl: string;
  /** As peers reach it: behind a front, the front's. */
  readonly federationUrl: string;
  /** Base of enrollment URLs. */
  readonly enrollmentUrl: string;
  /** Port of the listener for /metrics alone; null: there is none. */
  readonly metricsPort: number | null;
  readonly deps: GatewayDeps;
  /** Nobody is there yet: the first administrator is created by POST /api/bootstrap/setup. */
  readonly needsFirstAdmin: boolean;
  /** What the first administrator is created with; null where there is one, or where it is not needed. */
  readonly setupToken: string | null;
  /** Stops accepting, lets answers finish, writes the audit log out, closes all. May be called again. */
  stop(): Promise<void>;
}

/** When the engine has compiled in the background what was used at start. */
const SETTLED_MS = 4_000;

/** The same authority, but whoever is given it hears of other roots at once: the front must follow. */
const tellRoots = (ca: Authority, onRolled: () => Promise<void>): Authority => ({
  ...ca,
  ...(ca.roll === undefined
    ? {}
    : {
        roll: async (step) => {
          await ca.roll?.(step);
          await onRolled();
        },
      }),
});

const alertsOf = (config: GatewayConfig, log: Log) => {
  const { alertWebhookUrl: url, gatewayName, federation } = config;
  const { allowPrivateAddresses } = federation;
  const webhook = url === null ? {} : { post: createWebhook({ url, allowPrivateAddresses }) };
  return createAlerts({ log, clock: systemClock, gatewayName, clean: cleanFields, ...webhook });
};

/** What goes on beside the requests. @returns what ends each part; may be called again */
const startBackground = (
  config: GatewayConfig,
  deps: GatewayDeps,
  { audit, writerId }: Pick<Wired, 'audit' | 'writerId'>,
  log: Log,
): readonly (() => Promise<void>)[] => {
  const parts: { stop(): Promise<void> | void }[] = [
    startRevocationWorker(deps),
    startRenewalWorker(deps),
    startListWatch(deps, config.federation.crlPollSeconds * 1_000),
    startAuditWatch(deps, audit, writerId, config.tier === 'local'),
  ];
  if (config.front !== null && config.front.refusedLog !== null) {
    const { refusedLog: file, directory: folder } = config.front;
    const refusals = createRefusedLog({ file, folder, audit: deps.audit, clock: deps.clock, log });
    refusals.start();
    parts.push(refusals);
  }
  return parts.map((part) => async () => {
    await part.stop();
  });
};

/** At a start nothing is on its way into the database: what is sealed under no older key by now never will be. */
const tidyKeys = async (services: Services, { sealer }: Deps): Promise<void> => {
  const { storage, olderSealingKeys, forgetOlderKeys } = services;
  if (forgetOlderKeys === undefined || olderSealingKeys.length === 0) return;
  if ((await sealingState({ storage, sealer })).others === 0) forgetOlderKeys();
};

/**
 * Starts a gateway on Node: opens its services, listens, and is ready when this resolves. Whatever fails on the
 * way, everything opened before is closed again.
 *
 * @throws ConfigError, DataFolderError, BootError, ListenError, MosaicError: each with a message for the operator
 */
export const startGateway = async (
  config: GatewayConfig,
  hooks: GatewayHooks = {},
): Promise<RunningGateway> => {
  const plain = hooks.log ?? createLog({ level: config.logLevel, gateway: config.gatewayName });
  const undo = createUndo(plain);
  try {
    const watching = await openWatching(config, plain);
    const alerts = alertsOf(config, watching.log);
    undo.add('alerts', () => alerts.stop());
    const { log } = alerts;
    const services = await openServices(config, log);
    undo.add('services', () => services.close());
    undo.add('telemetry', () => watching.stop());
    const wired = await wire({
      ...services,
      gatewayName: config.gatewayName,
      log,
      isSetupOpen: isSetupOpen(config),
      ...(config.tier === 'local' ? { workLimits: EMBEDDED_WORK_LIMITS } : {}),
    }).catch((error: unknown) => {
      throw localKeyFault(config, error);
    });
    undo.add('audit', (leftMs) => wired.audit.stop(leftMs));
    const listeners = await startListeners(config, wired, log, undo);
    const { keeper } = listeners;
    if (keeper !== null) wired.keptByFront();
    const ca = keeper === null ? wired.ca : tellRoots(wired.ca, () => keeper.refresh());
    const deps = assemble(
      watching.watch({
        alerts,
        ...wired.complete(coreSettings(config, listeners.federationPort), ca),
        ...(keeper === null ? {} : { front: keeper.state, refreshFront: keeper.refresh }),
      }),
    );
    watching.read(deps);
    await tidyKeys(services, deps);
    undo.add('outbound connections', () => closeOutbound(deps.outbound));
    const background = startBackground(config, deps, wired, log);
    undo.add('background', () => Promise.all(background.map((stop) => stop())));
    const metricsPort = await listenForMetrics(config, deps, undo);
    if (keeper !== null)
      undo.add('revocation news', await deps.storage.onRevocations(() => void keeper.refresh()));
    listeners.serve(deps);
    const { items } = await deps.storage.stores.users.list({ limit: 1, after: null });
    const { federationUrl, enrollmentBaseUrl: enrollmentUrl } = deps.settings;
    // Behind a front people come to the same server as those who enroll.
    const publicUrl =
      listeners.publicPort === null
        ? enrollmentUrl
        : `http://${reachableHost(config.publicListener.host)}:${listeners.publicPort}`;
    log.info('gateway ready', { tier: config.tier, public_url: publicUrl, federation_url: federationUrl });
    const settled = setTimeout(settle, SETTLED_MS).unref();
    const order = { drain: listeners.drain, audit: wired.audit, background, finish: undo.run };
    let stopping: Promise<void> | null = null;
    const stop = (): Promise<void> => {
      clearTimeout(settled);
      return (stopping ??= stopInOrder(log, order, config.shutdownSeconds * 1_000));
    };
    const needsFirstAdmin = items.length === 0;
    const setupToken =
      needsFirstAdmin && !isSetupOpen(config) ? setupTokenOf(services.sealingKey, nodeHashing) : null;
    keepSetupToken(config, setupToken);
    return { publicUrl, federationUrl, enrollmentUrl, metricsPort, deps, needsFirstAdmin, setupToken, stop };
  } catch (error) {
    await undo.run(deadlineIn(config.shutdownSeconds * 1_000));
    throw error;
  }
};
