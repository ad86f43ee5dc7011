import type { Log } from '../../../../domain/ports/basics.ts';
import { certificateHeader } from '../../../../routes/inbound/certificate-header.ts';
import type { CertificateSource } from '../../../../routes/inbound/certificate-source.ts';
import { provenBy, provenBySecret } from '../../../../routes/inbound/front-proof.ts';
import {
  createEnrollmentApp,
  createFederationApp,
  createMetricsApp,
  createPublicApp,
} from '../../../app/app.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { serverHosts } from '../../../config/settings.ts';
import type { Wired } from '../../../app/wire.ts';
import { keepFrontFiles } from '../front/front-files.ts';
import { keepFrontMaterial, type FrontKeeper, type FrontMaterialParts } from '../front/front-material.ts';
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
import { auditRefusals } from '../front/refusals.ts';
import { serverNames } from '../front/server-certificate.ts';
import { certificateOfSocket } from '../front/tls-peers.ts';
import { createLateRefusals } from '../../common/late-refusals.ts';
import type { Undo } from '../../common/shutdown.ts';
import type { GatewayDeps } from '../../../app/assemble.ts';

/** Of listeners that nobody has been served by. */
const DRAIN_MS = 500;

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
    const listening = await listenBehindFront(handlers.federation, listener.path, parts.log);
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

/** Opens what peers and people reach; requests wait until `serve` is called. Each part is added to `undo`. */
export const startListeners = async (config: GatewayConfig, wired: Wired, log: Log, undo: Undo) => {
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
    ? listenPublic(publicly.handle, config.publicListener, log, {
        maxPerAddress: config.publicConnectionsPerAddress,
      })
    : listenPublicSocket(publicly.handle, publicSocket, log));
  undo.add('public listener', () => outer.stop(DRAIN_MS));
  const addressed = publicSocket === null ? withClientAddress : withForwardedAddress(isProven);
  const late = createLateRefusals();
  const serve = (deps: GatewayDeps): void => {
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
export const listenForMetrics = async (
  { telemetry }: GatewayConfig,
  deps: GatewayDeps,
  undo: Undo,
): Promise<number | null> => {
  const listener = telemetry?.metrics?.listener ?? null;
  if (listener === null || deps.metrics === undefined) return null;
  const { fetch } = createMetricsApp(deps, deps.metrics);
  const listening = await listenPublic(fetch, listener, deps.log, {}, 'telemetry.metrics');
  undo.add('metrics', () => listening.stop(DRAIN_MS));
  return listening.port;
};
