import { createEmbeddedAuthority } from '../../ca/embedded/authority.ts';
import { makeKeyMaker } from '../../ca/x509/request.ts';
import { openPgliteStorage, type PgliteStorage } from '../../db/connect/pglite.ts';
import { createSealer, sealingKey } from '../../db/sealing/seal.ts';
import type { Log, LogFields } from '../../domain/ports/basics.ts';
import type { CoreSettings, Deps } from './deps.ts';
import { createMemoryKeyValue } from '../kv/memory.ts';
import { createNodeTransport } from '../runtimes/node/peer-transport/transport.ts';
import { createAuditQueue } from '../audit/audit-queue.ts';
import { loadGatewayKeys } from '../operations/gateway-keys.ts';
import { createSignInLimits } from '../directory/sign-in-limits.ts';
import { createWorkInFlight } from '../kernel/work-in-flight.ts';
import { newAuditChains } from './wire.ts';
import { sha256 } from '../kernel/mac.ts';
import { publishPki } from '../inbound/revocation/published-pki.ts';
import { assemble, type GatewayDeps } from './assemble.ts';
import { createSpanIds } from '../kernel/span-ids.ts';

export interface TestClock {
  now(): Date;
  set(at: Date): void;
  advance(milliseconds: number): void;
}

export interface Logged {
  readonly level: keyof Log;
  readonly message: string;
  readonly fields: LogFields;
}

/** A whole gateway's dependencies, all real: PGlite in memory, embedded CA, sealing, audit queue, transport. */
export interface TestDeps extends GatewayDeps {
  readonly clock: TestClock;
  readonly storage: PgliteStorage;
  /** All that was logged, oldest first. */
  readonly logged: readonly Logged[];
  /** Runs SQL as the owner of the database: for looking underneath and for editing by hand. */
  sql(text: string, parameters?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Stops the queue and closes all. Call it in `afterAll`. */
  close(): Promise<void>;
}

export interface TestOverrides {
  readonly settings?: Partial<CoreSettings>;
  /** The clock's first time; the real time when absent. It stands still until it is set. */
  readonly now?: Date;
}

const SETTINGS: CoreSettings = {
  gatewayName: 'work',
  federationUrl: 'https://127.0.0.1:14012',
  enrollmentBaseUrl: 'https://127.0.0.1:14012',
  leafLifetimeSeconds: 30 * 24 * 3_600,
  enrollmentTokenSeconds: 15 * 60,
  defaultRateLimitPerMinute: 60,
  allowPrivateAddresses: true,
  allowLoopbackHttp: true,
  peerTimeoutMs: 2_000,
  circuitFailures: 5,
  circuitCooldownMs: 10_000,
  peerRetries: 0,
  cacheTtlSeconds: 30,
  bodyLimitBytes: 256 * 1024,
};

const testClock = (start: Date): TestClock => {
  let at = start.getTime();
  return {
    now: () => new Date(at),
    set: (to) => {
      at = to.getTime();
    },
    advance: (milliseconds) => {
      at += milliseconds;
    },
  };
};

const recorder = (into: Logged[]): Log => {
  const level =
    (name: keyof Log) =>
    (message: string, fields: LogFields = {}): void =>
      void into.push({ level: name, message, fields });
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
};

/** The session is a superuser's that has taken the role `mosaic_app`: it can give it back for a moment. */
const asOwner = (storage: PgliteStorage): TestDeps['sql'] =>
  ((text, parameters = []) =>
    storage.client.transaction(async (session) => {
      await session.exec('set local role none');
      return (await session.query<Record<string, unknown>>(text, [...parameters])).rows;
    })) satisfies TestDeps['sql'];

/** Makes the dependencies of one gateway for an integration test; nothing in it is a mock. */
export const makeTestDeps = async ({ settings = {}, now }: TestOverrides = {}): Promise<TestDeps> => {
  const clock = testClock(now ?? new Date());
  const logged: Logged[] = [];
  const log = recorder(logged);
  const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const storage = await openPgliteStorage();
  const { secrets, embeddedCa, audit: auditStore } = storage.stores;
  const sealer = createSealer({ current: await sealingKey(random.bytes(32)) });
  const all: CoreSettings = { ...SETTINGS, ...settings };
  const authority = await createEmbeddedAuthority({
    store: embeddedCa,
    secrets,
    sealer,
    clock,
    random,
    crlLifetimeSeconds: 7 * 24 * 3_600,
    commonName: `Mosaic test authority ${all.gatewayName}`,
  });
  const { authority: ca, pki } = publishPki(authority, clock);
  const keys = await loadGatewayKeys({ secrets, sealer, random });
  const audit = createAuditQueue({
    store: auditStore,
    chainStore: storage.stores.auditChain,
    chains: newAuditChains(),
    signer: keys.auditSigner,
    clock,
    log,
    capacity: 10_000,
    flushMs: 5,
    batch: 200,
    strictMs: 1_000,
  });
  const kv = createMemoryKeyValue({ clock });
  const transport = createNodeTransport({
    allowPrivateAddresses: all.allowPrivateAddresses,
    allowLoopbackHttp: all.allowLoopbackHttp,
    timeoutMs: all.peerTimeoutMs,
  });
  const core: Deps = {
    settings: all,
    pki,
    storage,
    kv,
    ca,
    sealer,
    keys,
    audit,
    work: createWorkInFlight(),
    signIns: createSignInLimits(clock),
    setup: { tokenHash: sha256(new TextEncoder().encode('setup_test')), isOpenOnLoopback: true },
    transport,
    keyMaker: makeKeyMaker(),
    clock,
    ids: { uuid: () => crypto.randomUUID() },
    random,
    newSpanId: createSpanIds(random),
    hash: sha256,
    log,
  };
  return {
    ...assemble(core),
    clock,
    storage,
    logged,
    sql: asOwner(storage),
    close: async () => {
      await audit.stop(1_000);
      await transport.close();
      await kv.close();
      await storage.close();
    },
  };
};
