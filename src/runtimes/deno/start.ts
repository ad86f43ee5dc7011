import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import type { KeyValue, Log } from '../../../domain/ports/basics.ts';
import { certificateHeader } from '../../../routes/inbound/certificate-header.ts';
import { provenBy, provenBySecret } from '../../../routes/inbound/front-proof.ts';
import { createFederationApp, createMetricsApp, createPublicApp } from '../../app/app.ts';
import type { GatewayConfig, SocketListener } from '../../config/config.ts';
import { ConfigError } from '../../config/issues.ts';
import { coreSettings, databaseUrlsOf, reachableHost, type DatabaseUrls } from '../../config/settings.ts';
import { assertSupported, PLAIN } from '../../config/supported.ts';
import { closeOutbound } from '../../outbound/outbound.ts';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { startRenewalWorker } from '../../outbound/renewal/renewal-worker.ts';
import { startListWatch } from '../../outbound/revocation/peer-crl-watch.ts';
import { startAuditWatch } from '../../audit/audit-losses.ts';
import { createOutage } from '../../kv/outage.ts';
import { databaseWatch, hindranceWatch } from '../../operations/database-watch.ts';
import { startRevocationWorker } from '../../inbound/revocation/revocation.ts';
import { systemClock, wire } from '../../app/wire.ts';
import { assemble } from '../../app/assemble.ts';
import type { Deps } from '../../app/deps.ts';
import { createCallScope } from '../common/call-scope.ts';
import { createLateRefusals } from '../common/late-refusals.ts';
import { createRestKeyValue } from '../common/rest-key-value.ts';
import { databaseSources } from '../node/boot/database-address.ts';
import { folderOfSocket, socketFolderFault } from '../common/socket-folder.ts';
import { openWatching } from '../common/telemetry.ts';
import { atMost, stopInOrder } from '../common/shutdown.ts';
import { denoApi, type DenoServer } from './deno-api.ts';
import { createDenoTransport } from './transport.ts';

export interface DenoGateway {
  readonly publicUrl: string;
  stop(): Promise<void>;
}

/** A part that has not closed by then is not waited for. */
const STEP_MS = 1_000;
const ABILITY = { ...PLAIN, telemetry: true };

const refuseSocket = (message: string, expected: string): never => {
  throw new ConfigError([{ path: 'listen.federation.socket', message, expected }]);
};

/** @throws ConfigError where another user could take the socket away and put one of theirs in its place */
const assertSafeFolder = (path: string): void => {
  const deno = denoApi();
  const folder = folderOfSocket(path);
  const fault = socketFolderFault(folder, deno.statSync(folder), deno.uid());
  if (fault !== null) refuseSocket(fault.message, fault.cure);
};

/** A socket that outlived its process is removed. @throws ConfigError where a process still answers there */
const clearStaleSocket = async (path: string): Promise<void> => {
  const deno = denoApi();
  try {
    if (deno.lstatSync(path).isSocket !== true) return;
  } catch {
    // Nothing there: as it should be. Anything else in the way, `serve` names.
    return;
  }
  const other = await deno.connect({ transport: 'unix', path }).catch(() => null);
  other?.close();
  if (other !== null) refuseSocket('another process listens there', 'a socket of this gateway’s own');
  deno.removeSync(path);
};

/** What Deno can not do, said before anything is opened. @throws ConfigError */
const assertFits = (
  config: GatewayConfig,
): { readonly urls: DatabaseUrls; readonly sealingKey: Uint8Array; readonly listener: SocketListener } => {
  assertSupported(config, ABILITY);
  const { sealingKey, federationListener: listener } = config;
  const urls = databaseUrlsOf(config);
  if (config.tier === 'local' || urls === null || sealingKey === null) {
    throw new ConfigError([
      {
        path: 'tier',
        message: 'local keeps its database in this process, which needs Node',
        expected: 'standalone on Deno',
      },
    ]);
  }
  if (listener.kind !== 'socket') {
    // Deno.serve ignores client certificates, and its node:https ignores revocation lists.
    throw new ConfigError([
      {
        path: 'listen.federation',
        message: 'Deno cannot verify client certificates',
        expected: 'listen.federation.socket (MOSAIC_FEDERATION_SOCKET), behind a front',
      },
    ]);
  }
  assertSafeFolder(listener.path);
  return { urls, sealingKey, listener };
};

const openSocket = async (
  path: string,
  handler: (request: Request) => Response | Promise<Response>,
): Promise<DenoServer> => {
  const deno = denoApi();
  await clearStaleSocket(path);
  // Only the owner and the group, which is the front's.
  const before = deno.umask(0o117);
  try {
    return deno.serve({ path, onListen: () => {} }, handler);
  } finally {
    deno.umask(before);
  }
};

/** The store that replicas share, reached before anybody is served. @throws MosaicError `unavailable` */
const openKv = async (
  { kv: config, kvOutage }: GatewayConfig,
  sealingKey: Uint8Array,
  log: Log,
): Promise<KeyValue> => {
  if (config.type !== 'upstash') return createMemoryKeyValue({ clock: systemClock });
  const kv = await createRestKeyValue({ config, sealingKey, log });
  await kv.ping();
  return createOutage({ ...kvOutage, clock: systemClock, log }).guard(kv);
};

/** null where /metrics has no listener of its own. */
const listenForMetrics = ({ telemetry }: GatewayConfig, deps: Deps): DenoServer | null => {
  const listener = telemetry?.metrics?.listener ?? null;
  if (listener === null || deps.metrics === undefined) return null;
  const { host: hostname, port } = listener;
  const app = createMetricsApp(deps, deps.metrics);
  return denoApi().serve({ hostname, port, onListen: () => {} }, (request) => app.fetch(request));
};

/** Starts a gateway on Deno: tier standalone, peers by a front over a Unix socket (RFC 9440). @throws ConfigError, MosaicError */
export const startDenoGateway = async (config: GatewayConfig, plain: Log): Promise<DenoGateway> => {
  const { urls, sealingKey, listener } = assertFits(config);
  const { path: socket, frontSecret } = listener;
  const { olderSealingKeys } = config;
  const { allowPrivateAddresses, allowLoopbackHttp } = config.federation;
  const watching = await openWatching(config, plain);
  const { log } = watching;
  const kv = await openKv(config, sealingKey, log);
  const storage = await openPostgresStorage({
    ...config.database,
    ...databaseSources(urls, config.database),
    callScope: createCallScope(),
    onState: databaseWatch(log),
    onHindered: hindranceWatch(log),
  });
  const transport = createDenoTransport({ allowPrivateAddresses, allowLoopbackHttp });
  const wired = await wire({
    storage,
    kv,
    transport,
    sealingKey,
    olderSealingKeys,
    gatewayName: config.gatewayName,
    log,
  });
  const deps = assemble(watching.watch(wired.complete(coreSettings(config, null))));
  watching.read(deps);
  const source =
    frontSecret === null ? certificateHeader : provenBy(certificateHeader, provenBySecret(frontSecret), deps);
  const federationApp = createFederationApp(deps, source);
  const publicApp = createPublicApp(deps);
  const background = [
    startRevocationWorker(deps),
    startRenewalWorker(deps),
    startListWatch(deps, config.federation.crlPollSeconds * 1_000),
    startAuditWatch(deps, wired.audit, wired.writerId, false),
  ].map((part) => async () => {
    await part.stop();
  });
  const late = createLateRefusals();
  const atFront = late<void>((request) => federationApp.fetch(request));
  const behindFront = await openSocket(socket, (request) => atFront(request, undefined));
  const { host, port } = config.publicListener;
  const publicly = denoApi().serve(
    { hostname: host, port, onListen: () => {} },
    late((request, info) => publicApp.fetch(request, { clientAddress: info.remoteAddr.hostname })),
  );
  const metrics = listenForMetrics(config, deps);
  return {
    publicUrl: `http://${reachableHost(host)}:${publicly.addr.port ?? port}`,
    stop: () =>
      stopInOrder(
        log,
        {
          // Deno ends no connection by itself: what has not finished is left when the process ends.
          drain: () => Promise.all([publicly.shutdown(), behindFront.shutdown(), metrics?.shutdown()]),
          audit: wired.audit,
          background,
          finish: async (deadline) => {
            const most = (): number => Math.min(deadline.left(), STEP_MS);
            await atMost(log, 'outbound connections', most(), () => closeOutbound(deps.outbound));
            await atMost(log, 'audit', most(), () => wired.audit.stop(most()));
            await atMost(log, 'telemetry', most(), () => watching.stop());
            await atMost(log, 'key-value', most(), () => kv.close());
            await atMost(log, 'database', most(), () => storage.close());
          },
        },
        config.shutdownSeconds * 1_000,
      ),
  };
};
