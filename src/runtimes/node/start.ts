import type { Authority } from '../../../ca/authority.ts';
import type { Log } from '../../../domain/ports/basics.ts';
import { certificateHeader } from '../../../routes/federation/certificate-header.ts';
import type { CertificateSource } from '../../../routes/federation/certificate-source.ts';
import { provenBy, provenBySecret } from '../../../routes/federation/front-proof.ts';
import { createEnrollmentApp, createFederationApp, createMetricsApp, createPublicApp } from '../../app.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { coreSettings, reachableHost, serverHosts } from '../../config/settings.ts';
import type { Deps } from '../../deps.ts';
import { closeOutbound } from '../../federation/outbound.ts';
import { EMBEDDED_WORK_LIMITS } from '../../services/work-in-flight.ts';
import { startRenewalWorker } from '../../services/renewal-worker.ts';
import { startListWatch } from '../../services/peer-crl-watch.ts';
import { startAuditWatch } from '../../services/audit-losses.ts';
import { startRevocationWorker } from '../../services/revocation.ts';
import { createAlerts } from '../../services/alerts.ts';
import { systemClock, wire, type Wired } from '../../wire.ts';
import { localKeyFault } from './data-folder-faults.ts';
import { keepFrontFiles } from './front-files.ts';
import { keepFrontMaterial, type FrontKeeper, type FrontMaterialParts } from './front-material.ts';
import {
  deferHandler,
  listenBehindFront,
  listenFront,
  listenPublic,
  listenPublicSocket,
  withClientAddress,
  withForwardedAddress,
  withSending,
  type Listening,
} from './listeners.ts';
import { settle } from './lean.ts';
import { createLog } from './log.ts';
import { createRefusedLog } from './refused-log.ts';
import { auditRefusals } from './refusals.ts';
import { serverNames } from './server-certificate.ts';
import { sealingState } from '../../services/sealing.ts';
import { openServices, type Services } from './services.ts';
import { isSetupOpen, keepSetupToken } from './setup-token.ts';
import { nodeHashing } from './hashing.ts';
import { setupTokenOf } from '../../services/setup-token.ts';
import { certificateOfSocket } from './tls-peers.ts';
import { createWebhook } from './webhook.ts';
import { createLateRefusals } from '../late-refusals.ts';
import { cleanFields } from '../redact.ts';
import { createUndo, deadlineIn, stopInOrder, type Undo } from '../shutdown.ts';
import { openWatching } from '../telemetry.ts';

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
  readonly deps: Deps;
  /** Nobody is there yet: the first administrator is created by POST /api/bootstrap/setup. */
  readonly needsFirstAdmin: boolean;
  /** What the first administrator is created with; null where there is one, or where it is not needed. */
  readonly setupToken: string | null;
  /** Stops accepting, lets answers finish, writes the audit log out, closes all. May be called again. */
  stop(): Promise<void>;
}

/** Of listeners that nobody has been served by. */
const DRAIN_MS = 500;
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

interface PeerSide {
  readonly listening: Listening;
  readonly source: CertificateSource;
  /** null: somebody else keeps the front. */
  readonly keeper: FrontKeeper | null;
  /** Whether a request on the public socket was sent by the front. */
  readonly isProven: (proof: string) => boolean;
}

const anyProof = (): boolean => true;

/** The gateway's own TLS front, or a socket for the nginx that the gateway may keep files for. */
const listenForPeers = async (
  config: GatewayConfig,
  parts: FrontMaterialParts,
  handlers: Parameters<typeof listenFront>[0],
): Promise<PeerSide> => {
  const { federationListener: listener, front } = config;
  if (listener.kind === 'socket') {
    const { frontSecret } = listener;
    const requiresProof = front?.requiresProof === true && frontSecret === null;
    const keeper =
      front === null ? null : await keepFrontFiles({ ...parts, front: { ...front, requiresProof } });
    const listening = await listenBehindFront(handlers.federation, listener.path);
    if (frontSecret !== null) {
      const proof = provenBySecret(frontSecret);
      const source = provenBy(certificateHeader, proof, parts);
      return { listening, source, keeper, isProven: proof.isProven };
    }
    if (keeper === null || !requiresProof)
      return { listening, source: certificateHeader, keeper, isProven: anyProof };
    const source = provenBy(certificateHeader, keeper, parts);
    return { listening, source, keeper, isProven: keeper.isProven };
  }
  const keeper = await keepFrontMaterial(parts);
  const listening = await listenFront(handlers, keeper.current(), parts.log, listener);
  keeper.start(listening.replace);
  return { listening, source: certificateOfSocket, keeper, isProven: anyProof };
};

const startListeners = async (config: GatewayConfig, wired: Wired, log: Log, undo: Undo) => {
  const [publicly, federation, enrollment] = [deferHandler(), deferHandler(), deferHandler()];
  const { ca, keyMaker, clock } = wired;
  const pollMs = config.federation.frontPollSeconds * 1_000;
  const parts = { ca, keyMaker, clock, log, names: serverNames(serverHosts(config)), pollMs };
  const refused = auditRefusals({ audit: wired.audit, clock, log });
  const handlers = { federation: federation.handle, enrollment: enrollment.handle, refused };
  const { listening: inner, source, keeper, isProven } = await listenForPeers(config, parts, handlers);
  undo.add('peers’ listener', () => inner.stop(DRAIN_MS));
  undo.add('front', () => keeper?.stop());
  const { publicSocket } = config;
  const outer = await (publicSocket === null
    ? listenPublic(publicly.handle, config.publicListener)
    : listenPublicSocket(publicly.handle, publicSocket));
  undo.add('public listener', () => outer.stop(DRAIN_MS));
  const addressed = publicSocket === null ? withClientAddress : withForwardedAddress(isProven);
  const late = createLateRefusals();
  const serve = (deps: Deps): void => {
    federation.set(late(withSending(createFederationApp(deps, source).fetch)));
    enrollment.set(late(withClientAddress(createEnrollmentApp(deps).fetch)));
    publicly.set(late(addressed(createPublicApp(deps).fetch)));
  };
  return {
    federationPort: inner.port,
    publicPort: outer.port,
    keeper,
    serve,
    drain: (graceMs: number) => Promise.all([inner.stop(graceMs), outer.stop(graceMs)]),
  };
};

/** @returns the port, or null where /metrics has no listener of its own */
const listenForMetrics = async (
  { telemetry }: GatewayConfig,
  deps: Deps,
  undo: Undo,
): Promise<number | null> => {
  const listener = telemetry?.metrics?.listener ?? null;
  if (listener === null || deps.metrics === undefined) return null;
  const { fetch } = createMetricsApp(deps, deps.metrics);
  const listening = await listenPublic(fetch, listener, 'telemetry.metrics');
  undo.add('metrics', () => listening.stop(DRAIN_MS));
  return listening.port;
};

/** What goes on beside the requests. @returns what ends each part; may be called again */
const startBackground = (
  config: GatewayConfig,
  deps: Deps,
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
    const deps: Deps = watching.watch({
      alerts,
      ...wired.complete(coreSettings(config, listeners.federationPort), ca),
      ...(keeper === null ? {} : { front: keeper.state, refreshFront: keeper.refresh }),
    });
    await tidyKeys(services, deps);
    undo.add('outbound connections', () => closeOutbound(deps));
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
