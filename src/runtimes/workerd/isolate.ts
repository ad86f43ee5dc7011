import type { KeyValue } from '../../../domain/ports/basics.ts';
import type { SignInLimits } from '../../../domain/ports/sign-ins.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { ConfigError } from '../../config/issues.ts';
import { loadConfig } from '../../config/load.ts';
import { assertSupported } from '../../config/supported.ts';
import { unknownVariableIssues } from '../../config/unknown.ts';
import type { Alerts } from '../../app/deps.ts';
import type { AuditChains } from '../../audit/audit-chains.ts';
import { newAuditCounters, type CountedAudit } from '../../audit/audit-queue-options.ts';
import type { RefusalMinutes } from '../../audit/audit-repeats.ts';
import { newPkiMemory, type PkiMemory } from '../../inbound/revocation/published-pki.ts';
import type { Unsealed } from '../../app/wire.ts';
import { createJsonLog } from '../common/json-log.ts';
import type { DatabaseGate } from './database-gate.ts';
import { PEER_BINDINGS, readPeerBindings, type PeerBindings } from './peer-bindings.ts';
import type { Turns } from './turns.ts';
import type { GatewayMemory } from '../../app/assemble.ts';

interface Hyperdrive {
  readonly connectionString: string;
}

export interface Bindings {
  readonly HYPERDRIVE?: Hyperdrive;
  /** Of the login that answers peers. */
  readonly HYPERDRIVE_PEERS?: Hyperdrive;
  readonly [name: string]: unknown;
}

/** What the first request makes of the deployment's variables. */
export interface Configured {
  readonly config: GatewayConfig;
  readonly peerBindings: PeerBindings;
}

/**
 * What an isolate keeps from one request to the next. Data alone: a connection belongs to the request that opened it, so nothing with
 * one in it is kept.
 */
export interface Isolate {
  configured: Configured | null;
  unsealed: Unsealed | null;
  kv: KeyValue | null;
  alerts: Alerts | null;
  turns: Turns | null;
  gate: DatabaseGate | null;
  chains: AuditChains | null;
  signIns: SignInLimits | null;
  readonly provenBindings: Set<string>;
  readonly refusals: RefusalMinutes;
  readonly auditCounters: CountedAudit;
  readonly pkiMemory: PkiMemory;
  /** Circuits, epochs and what is cached. */
  memory: GatewayMemory | null;
  /** Until when logins and schema need no look, by login, in milliseconds since the epoch. */
  readonly fitUntil: { api: number; peers: number };
  /** A request waits for the end of what is cached; until when, in milliseconds since the epoch. */
  cleaningUntil: number;
}

export const newIsolate = (): Isolate => ({
  configured: null,
  unsealed: null,
  kv: null,
  alerts: null,
  turns: null,
  gate: null,
  chains: null,
  signIns: null,
  provenBindings: new Set(),
  refusals: new Map(),
  auditCounters: newAuditCounters(),
  pkiMemory: newPkiMemory(),
  memory: null,
  fitUntil: { api: 0, peers: 0 },
  cleaningUntil: 0,
});

/** Longest time an answer is cached: the runtime lets an isolate clean up for 30 seconds after a request. */
const MOST_CACHE_SECONDS = 25;

/** Nobody but the deployment sets variables here, so one that sets nothing is a slip. @throws ConfigError */
const assertKnown = (names: readonly string[]): void => {
  const unknown = unknownVariableIssues(names, [PEER_BINDINGS]);
  if (unknown.length > 0) throw new ConfigError(unknown);
};

const assertFits = (config: GatewayConfig): void => {
  assertSupported(config);
  if (config.tier === 'local')
    throw new ConfigError([
      { path: 'MOSAIC_TIER (tier)', message: 'does not fit', expected: 'standalone on Workers' },
    ]);
  if (config.federation.url === null)
    throw new ConfigError([
      {
        path: 'FEDERATION_URL (federation.url)',
        message: 'is missing',
        expected: 'https:// and the host name that peers call',
      },
    ]);
};

/** Reads the deployment's variables, once an isolate. @throws ConfigError naming every fault */
export const configuredOf = (isolate: Isolate, env: Bindings): Configured => {
  if (isolate.configured !== null) return isolate.configured;
  const texts = Object.entries(env).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  assertKnown(Object.keys(env));
  const { HYPERDRIVE: people, HYPERDRIVE_PEERS: peers } = env;
  const { config: read, warnings } = loadConfig({
    env: {
      ...Object.fromEntries(texts),
      ...(people === undefined ? {} : { DATABASE_URL: people.connectionString }),
      ...(peers === undefined ? {} : { DATABASE_PEERS_URL: peers.connectionString }),
    },
  });
  assertFits(read);
  const log = createJsonLog(read.logLevel, read.gatewayName);
  for (const warning of warnings) log.warn(warning);
  const { cacheTtlSeconds } = read.federation;
  const config = {
    ...read,
    federation: { ...read.federation, cacheTtlSeconds: Math.min(cacheTtlSeconds, MOST_CACHE_SECONDS) },
  };
  isolate.configured = { config, peerBindings: readPeerBindings(env[PEER_BINDINGS]) };
  return isolate.configured;
};
