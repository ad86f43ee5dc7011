import type { CertificateAuthority, CrlSource } from '../../../ca/authority.ts';
import type { Log } from '../../../domain/ports/basics.ts';
import { certificateHeader } from '../../../routes/federation/certificate-header.ts';
import type { CertificateSource } from '../../../routes/federation/certificate-source.ts';
import { createEnrollmentApp, createFederationApp, createPublicApp } from '../../app.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { coreSettings, reachableHost, serverHosts } from '../../config/settings.ts';
import { assertSupported } from '../../config/supported.ts';
import type { Deps } from '../../deps.ts';
import { closeOutbound } from '../../federation/outbound.ts';
import { startRevocationWorker } from '../../services/revocation.ts';
import { wire, type Wired } from '../../wire.ts';
import { keepFrontMaterial, type FrontMaterialKeeper } from './front-material.ts';
import {
  deferHandler,
  listenBehindFront,
  listenFront,
  listenPublic,
  withClientAddress,
  type Listening,
} from './listeners.ts';
import { settle } from './lean.ts';
import { createLog } from './log.ts';
import { serverNames } from './server-certificate.ts';
import { openServices } from './services.ts';
import { certificateOfSocket } from './tls-peers.ts';

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
  readonly deps: Deps;
  /** Nobody is there yet: the first administrator is created by POST /api/bootstrap/setup. */
  readonly needsFirstAdmin: boolean;
  /** Stops accepting, lets answers finish, writes the audit log out, closes all. May be called again. */
  stop(): Promise<void>;
}

const DRAIN_MS = 5_000;
const AUDIT_MS = 3_000;
/** When the engine has compiled in the background what was used at start. */
const SETTLED_MS = 4_000;

/** Undoes what was done so far, last first, whatever fails on the way. */
const createUndo = (log: Log) => {
  const steps: (() => unknown)[] = [];
  const run = async (): Promise<void> => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      try {
        await step();
      } catch (error) {
        log.warn('a step of the shutdown failed', { error: error as Error });
      }
    }
  };
  return { add: (step: () => unknown) => void steps.push(step), run };
};

/** The same authority, but whoever is given it hears of revocations at once: the front's list must follow. */
const tellRevocations = (
  ca: CertificateAuthority & CrlSource,
  onRevoked: () => Promise<void>,
): CertificateAuthority & CrlSource => ({
  ...ca,
  revoke: async (serial, reason, at) => {
    await ca.revoke(serial, reason, at);
    await onRevoked();
  },
});

const startListeners = async (
  config: GatewayConfig,
  wired: Wired,
  log: Log,
  undo: { add(step: () => unknown): void },
) => {
  const [publicly, federation, enrollment] = [deferHandler(), deferHandler(), deferHandler()];
  let keeper: FrontMaterialKeeper | null = null;
  let inner: Listening;
  let source: CertificateSource = certificateHeader;
  const { federationListener: listener } = config;
  if (listener.kind === 'socket') inner = await listenBehindFront(federation.handle, listener.path);
  else {
    const names = serverNames(serverHosts(config));
    const material = await keepFrontMaterial({
      ca: wired.ca,
      keyMaker: wired.keyMaker,
      clock: wired.clock,
      log,
      names,
    });
    const handlers = { federation: federation.handle, enrollment: enrollment.handle };
    const front = await listenFront(handlers, material.current(), log, listener);
    material.start(front.replace);
    undo.add(() => material.stop());
    [inner, keeper, source] = [front, material, certificateOfSocket];
  }
  undo.add(() => inner.stop(DRAIN_MS));
  const outer = await listenPublic(publicly.handle, config.publicListener);
  undo.add(() => outer.stop(DRAIN_MS));
  const serve = (deps: Deps): void => {
    federation.set(createFederationApp(deps, source).fetch);
    enrollment.set(withClientAddress(createEnrollmentApp(deps).fetch));
    publicly.set(withClientAddress(createPublicApp(deps).fetch));
  };
  return {
    federationPort: inner.port,
    publicPort: outer.port,
    keeper,
    serve,
    drain: () => Promise.all([inner.stop(DRAIN_MS), outer.stop(DRAIN_MS)]),
  };
};

/**
 * Starts a gateway on Node: opens its services, listens, and is ready when this resolves. Whatever fails on the
 * way, everything opened before is closed again.
 *
 * @throws ConfigError, DataFolderError, ListenError, MosaicError: each with a message for the operator
 */
export const startGateway = async (
  config: GatewayConfig,
  hooks: GatewayHooks = {},
): Promise<RunningGateway> => {
  assertSupported(config);
  const log = hooks.log ?? createLog({ level: config.logLevel, gateway: config.gatewayName });
  const undo = createUndo(log);
  try {
    const services = await openServices(config, log);
    undo.add(() => services.close());
    const wired = await wire({ ...services, gatewayName: config.gatewayName, log });
    undo.add(() => wired.audit.stop(AUDIT_MS));
    const listeners = await startListeners(config, wired, log, undo);
    const { keeper } = listeners;
    const ca = keeper === null ? wired.ca : tellRevocations(wired.ca, () => keeper.refresh());
    const deps = wired.complete(coreSettings(config, listeners.federationPort), ca);
    undo.add(() => closeOutbound(deps));
    const worker = startRevocationWorker(deps);
    undo.add(() => worker.stop());
    listeners.serve(deps);
    undo.add(() => listeners.drain());
    const { items } = await deps.storage.stores.users.list({ limit: 1, after: null });
    const publicUrl = `http://${reachableHost(config.publicListener.host)}:${listeners.publicPort}`;
    const { federationUrl, enrollmentBaseUrl: enrollmentUrl } = deps.settings;
    log.info('gateway ready', { tier: config.tier, public_url: publicUrl, federation_url: federationUrl });
    const settled = setTimeout(settle, SETTLED_MS).unref();
    undo.add(() => clearTimeout(settled));
    let stopping: Promise<void> | null = null;
    const stop = (): Promise<void> => (stopping ??= undo.run());
    return { publicUrl, federationUrl, enrollmentUrl, deps, needsFirstAdmin: items.length === 0, stop };
  } catch (error) {
    await undo.run();
    throw error;
  }
};
