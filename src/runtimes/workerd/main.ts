/** A gateway on Cloudflare Workers: see wrangler.toml. One bundle serves both host names. */
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { MosaicError, toProblem } from '../../../domain/errors.ts';
import type { Log } from '../../../domain/ports/basics.ts';
import type { SignInLimits } from '../../../domain/ports/sign-ins.ts';
import { createFederationApp, createPublicApp } from '../../app.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { ConfigError } from '../../config/issues.ts';
import { loadConfig } from '../../config/load.ts';
import { coreSettings } from '../../config/settings.ts';
import { assertSupported } from '../../config/supported.ts';
import type { Deps } from '../../deps.ts';
import { closeOutbound } from '../../federation/outbound.ts';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { createOutage, type Outage } from '../../kv/outage.ts';
import { newPkiMemory, type PkiMemory } from '../../services/published-pki.ts';
import { createSignInLimits } from '../../services/sign-in-limits.ts';
import { drainRevocations } from '../../services/revocation.ts';
import type { AuditChains } from '../../services/audit-chains.ts';
import type { RefusalMinutes } from '../../services/audit-repeats.ts';
import { newAuditChains, systemClock, unseal, wire, type Unsealed } from '../../wire.ts';
import { createJsonLog, writeLogLine } from '../json-log.ts';
import { createRestKeyValue } from '../rest-key-value.ts';
import { acceptedCertificate, certificateOfEnvironment, type TlsClientAuth } from './certificate.ts';
import { PEER_BINDINGS, readPeerBindings, type PeerBindings } from './peer-bindings.ts';
import { createWorkerdTransport } from './transport.ts';

interface Hyperdrive {
  readonly connectionString: string;
}

interface Bindings {
  readonly HYPERDRIVE?: Hyperdrive;
  /** Of the login that answers peers. */
  readonly HYPERDRIVE_PEERS?: Hyperdrive;
  readonly [name: string]: unknown;
}

interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void;
}

type WorkerRequest = Request & { readonly cf?: { readonly tlsClientAuth?: TlsClientAuth } };

/** Data alone: a connection belongs to the request that opened it, so nothing with one in it is kept. */
interface Isolate {
  config: GatewayConfig | null;
  peerBindings: PeerBindings;
  unsealed: Unsealed | null;
  outage: Outage | null;
  readonly provenBindings: Set<string>;
  chains: AuditChains | null;
  readonly refusals: RefusalMinutes;
  readonly pkiMemory: PkiMemory;
  signIns: SignInLimits | null;
}

const isolate: Isolate = {
  config: null,
  peerBindings: new Map(),
  unsealed: null,
  outage: null,
  provenBindings: new Set(),
  chains: null,
  refusals: new Map(),
  pkiMemory: newPkiMemory(),
  signIns: null,
};
/** Of this isolate: rate limits are per isolate until a shared store is configured. */
const memoryKv = createMemoryKeyValue({ clock: systemClock });

const configOf = (env: Bindings): GatewayConfig => {
  if (isolate.config !== null) return isolate.config;
  const texts = Object.entries(env).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const { HYPERDRIVE: people, HYPERDRIVE_PEERS: peers } = env;
  const { config } = loadConfig({
    env: {
      ...Object.fromEntries(texts),
      ...(people === undefined ? {} : { DATABASE_URL: people.connectionString }),
      ...(peers === undefined ? {} : { DATABASE_PEERS_URL: peers.connectionString }),
    },
  });
  assertSupported(config);
  if (config.tier === 'local' || config.federation.url === null) {
    const path = config.tier === 'local' ? 'tier' : 'federation.url';
    const expected =
      config.tier === 'local' ? 'standalone on Workers' : 'https:// and the host name that peers call';
    throw new ConfigError([{ path, message: 'does not fit', expected }]);
  }
  isolate.peerBindings = readPeerBindings(env[PEER_BINDINGS]);
  return (isolate.config = config);
};

const outageOf = ({ kvOutage }: GatewayConfig, log: Log): Outage =>
  (isolate.outage ??= createOutage({ ...kvOutage, clock: systemClock, log }));

interface Opened {
  readonly deps: Deps;
  readonly close: () => Promise<void>;
}

const open = async (config: GatewayConfig, env: Bindings, isForPeer = false): Promise<Opened> => {
  const { databaseUrl, peersDatabaseUrl, sealingKey, gatewayName } = config;
  if (databaseUrl === null || peersDatabaseUrl === null || sealingKey === null)
    throw new Error('the configuration was not checked');
  const log = createJsonLog(config.logLevel, gatewayName);
  // Migrations are run from Node before a deployment; two thousand isolates must not race for them.
  const storage = await openPostgresStorage({
    url: databaseUrl,
    // A connection of the peers' login only where a peer asks.
    ...(isForPeer ? { peersUrl: peersDatabaseUrl } : {}),
    ...config.database,
    isShortLived: true,
  });
  try {
    const kv =
      config.kv.type === 'upstash'
        ? outageOf(config, log).guard(await createRestKeyValue({ config: config.kv, sealingKey, log }))
        : memoryKv;
    const { peerBindings: bindings, provenBindings: proven } = isolate;
    const transport = createWorkerdTransport({ bindings, env, proven });
    isolate.unsealed ??= await unseal({ storage, sealingKey, olderSealingKeys: config.olderSealingKeys });
    // Made with the first request: a Worker has no randomness before that.
    isolate.chains ??= newAuditChains();
    isolate.signIns ??= createSignInLimits(systemClock);
    const { unsealed, chains, refusals, pkiMemory, signIns } = isolate;
    const parts = { storage, kv, transport, sealingKey, gatewayName, log };
    const wired = await wire({
      ...parts,
      unsealed,
      chains,
      refusals,
      pkiMemory,
      signIns,
      isAuthorityLazy: true,
    });
    const deps = wired.complete(coreSettings(config, null));
    const close = async (): Promise<void> => {
      await closeOutbound(deps);
      await wired.audit.stop(5_000);
      await storage.close();
    };
    return { deps, close };
  } catch (error) {
    await storage.close();
    throw error;
  }
};

const problem = (error: unknown): Response => {
  const known = error instanceof MosaicError ? error : new MosaicError('internal');
  // A configuration error names fields, never values; nothing else of an unexpected error is shown anywhere.
  if (error instanceof ConfigError) writeLogLine(error.message);
  else if (known.status >= 500)
    writeLogLine(JSON.stringify({ level: 'error', message: 'request failed', code: known.code }));
  const headers = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  return new Response(JSON.stringify(toProblem(known)), { status: known.status, headers });
};

export default {
  async fetch(request: WorkerRequest, env: Bindings, context: ExecutionContext): Promise<Response> {
    try {
      const config = configOf(env);
      const { hostname } = new URL(request.url);
      const isFederation = hostname === new URL(config.federation.url ?? '').hostname;
      // First of all, so that a client without a good certificate costs no connection to the database.
      const certificate = isFederation ? acceptedCertificate(request.cf?.tlsClientAuth) : null;
      const { deps, close } = await open(config, env, isFederation);
      try {
        if (certificate !== null)
          return await createFederationApp(deps, certificateOfEnvironment).fetch(request, { certificate });
        const clientAddress = request.headers.get('cf-connecting-ip');
        return await createPublicApp(deps).fetch(request, { clientAddress });
      } finally {
        context.waitUntil(close());
      }
    } catch (error) {
      return problem(error);
    }
  },

  /** Every minute: the CA hears of revocations that no request has told it of. */
  async scheduled(_event: unknown, env: Bindings): Promise<void> {
    const { deps, close } = await open(configOf(env), env);
    try {
      // Outbound mutual TLS is a binding made at deployment here, so nobody is asked and nothing is renewed but what
      // this gateway serves: certificates that were superseded end.
      await deps.storage.stores.certificates.revokeSuperseded(deps.clock.now());
      await drainRevocations(deps);
    } finally {
      await close();
    }
  },
};
