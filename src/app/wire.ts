import { trustOf, type Authority } from '../../ca/authority.ts';
import { createEmbeddedAuthority } from '../../ca/embedded/authority.ts';
import { makeKeyMaker } from '../../ca/x509/request.ts';
import { checkSealingKey } from '../../db/sealing/seal-check.ts';
import { createSealer, sealingKeys, type KeyRing } from '../../db/sealing/seal.ts';
import type { Clock, Ids, KeyValue, Log, Random } from '../../domain/ports/basics.ts';
import type { SignInLimits } from '../../domain/ports/sign-ins.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import type { CoreSettings, Deps, GatewayKeys, KeyMaker, PeerTransport } from './deps.ts';
import { createAuditChains, type AuditChains } from '../audit/audit-chains.ts';
import type { CountedAudit } from '../audit/audit-queue-options.ts';
import { createAuditQueue, type AuditQueue } from '../audit/audit-queue.ts';
import type { RefusalMinutes } from '../audit/audit-repeats.ts';
import { loadGatewayKeys } from '../operations/gateway-keys.ts';
import { portableHashing, type Hashing } from '../kernel/mac.ts';
import { setupTokenOf } from '../directory/setup-token.ts';
import { createSignInLimits } from '../directory/sign-in-limits.ts';
import { createSpanIds } from '../kernel/span-ids.ts';
import { createWorkInFlight, type WorkLimits } from '../kernel/work-in-flight.ts';
import { publishPki, type PkiMemory } from '../inbound/revocation/published-pki.ts';

/** What a runtime brings along. */
export interface WireParts {
  readonly storage: Storage;
  readonly kv: KeyValue;
  readonly transport: PeerTransport;
  /** 32 bytes. */
  readonly sealingKey: Uint8Array;
  /** Open what they sealed, and seal nothing: while a rotation is under way. */
  readonly olderSealingKeys?: readonly Uint8Array[];
  /** Where the gateway keeps its key itself: makes a new one and gives it to the ring. */
  readonly newSealingKey?: (ring: KeyRing) => Promise<void>;
  readonly gatewayName: string;
  readonly log: Log;
  /** In JavaScript when absent; a runtime with a quicker one brings it. */
  readonly hashing?: Hashing;
  /** The system's when absent. */
  readonly clock?: Clock;
  /** From an earlier `unseal` with the same database and key, where a runtime starts anew for each request. */
  readonly unsealed?: Unsealed;
  /** An authority of its own, step-ca for example; null or absent: the embedded one, in the database. */
  readonly authority?: Authority | null;
  /** Of an earlier `wire`, for the same runtimes: they stay one writer of the audit log. */
  readonly chains?: AuditChains;
  /** Of an earlier `wire`, for the same runtimes: refusals that are counted. */
  readonly refusals?: RefusalMinutes;
  /** Of an earlier `wire`, for the same runtimes: what the audit queue has counted. */
  readonly auditCounters?: CountedAudit;
  /** Of an earlier `wire`, for the same runtimes: what everybody may read of the authority. */
  readonly pkiMemory?: PkiMemory;
  /** Of an earlier `wire`, for the same runtimes: what failed sign-ins have used up. */
  readonly signIns?: SignInLimits;
  /** Only this machine reaches the public listener: the first administrator is created without the setup token. */
  readonly isSetupOpen?: boolean;
  /** `WORK_LIMITS` when absent. */
  readonly workLimits?: WorkLimits;
  /** Open the authority's root when it is first needed, not at once: for the same runtimes. */
  readonly isAuthorityLazy?: boolean;
}

/** Pure data, no connection in it: may outlive a request. */
export interface Unsealed {
  readonly sealer: KeyRing;
  readonly keys: GatewayKeys;
}

/** All but the settings, which need the ports that listeners got. */
export interface Wired {
  readonly ca: Authority;
  readonly clock: Clock;
  readonly keyMaker: KeyMaker;
  readonly audit: AuditQueue;
  /** This start, as the audit log knows it. */
  readonly writerId: string;
  /** A front asks for the revocation list at intervals: nobody who reads it ever does. */
  readonly keptByFront: () => void;
  /** @param ca instead of the wired one, for a runtime that wants to hear of revocations */
  complete(settings: CoreSettings, ca?: Authority): Deps;
}

export const systemClock: Clock = { now: () => new Date() };
const ids: Ids = { uuid: () => crypto.randomUUID() };
const random: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

/** From one list to its `nextUpdate`. A new one is signed at half of that; an expired one would refuse every peer. */
const CRL_LIFETIME_SECONDS = 24 * 3600;
const AUDIT = { capacity: 10_000, flushMs: 250, batch: 500, strictMs: 2_000 } as const;
export const AUDIT_CAPACITY = AUDIT.capacity;

/** The chains of a new writer of the audit log. */
export const newAuditChains = (hashing: Hashing = portableHashing): AuditChains =>
  createAuditChains({ writerId: ids.uuid(), hash: hashing.sha256 });

/** Opens what the database holds sealed. @throws MosaicError `unavailable` for the wrong key, `database_unavailable` */
export const unseal = async ({
  storage,
  sealingKey: key,
  olderSealingKeys: older = [],
  hashing = portableHashing,
}: Pick<WireParts, 'storage' | 'sealingKey' | 'olderSealingKeys' | 'hashing'>): Promise<Unsealed> => {
  const sealer = createSealer(await sealingKeys(key, older));
  const { secrets } = storage.stores;
  // Before anything else is sealed or opened: a wrong key must not leave anything sealed under it (ABUSE 50).
  await checkSealingKey(secrets, sealer);
  return { sealer, keys: await loadGatewayKeys({ secrets, sealer, random, hashing }) };
};

const lazyAuthority = (open: () => Promise<Authority>): Authority => {
  let opened: Promise<Authority> | null = null;
  const get = (): Promise<Authority> => (opened ??= open());
  return {
    kind: 'embedded',
    rootPem: async () => (await get()).rootPem(),
    issue: async (request) => (await get()).issue(request),
    revoke: async (serial, reason, at) => (await get()).revoke(serial, reason, at),
    crl: async (options) => (await get()).crl(options),
    trust: async () => trustOf(await get()),
  };
};

/**
 * Puts a gateway together on any runtime. Nothing listens yet, nothing runs in the background but the audit queue.
 *
 * @throws MosaicError `unavailable` for the wrong sealing key, `ca_unavailable`, `database_unavailable`
 */
export const wire = async (parts: WireParts): Promise<Wired> => {
  const { storage, kv, transport, log, clock = systemClock, newSealingKey } = parts;
  const { sealer, keys } = parts.unsealed ?? (await unseal(parts));
  const open = (): Promise<Authority> =>
    createEmbeddedAuthority({
      store: storage.stores.embeddedCa,
      secrets: storage.stores.secrets,
      sealer,
      clock,
      random,
      crlLifetimeSeconds: CRL_LIFETIME_SECONDS,
      commonName: `Mosaic ${parts.gatewayName}`.slice(0, 64),
    });
  const opened = parts.authority ?? (parts.isAuthorityLazy === true ? lazyAuthority(open) : await open());
  const { authority, pki, keptByFront } = publishPki(opened, clock, parts.pkiMemory);
  const chains = parts.chains ?? newAuditChains(parts.hashing);
  const audit = createAuditQueue({
    store: storage.stores.audit,
    chainStore: storage.stores.auditChain,
    chains,
    signer: keys.auditSigner,
    isEphemeral: parts.chains !== undefined,
    ...(parts.refusals === undefined ? {} : { refusals: parts.refusals }),
    ...(parts.auditCounters === undefined ? {} : { counters: parts.auditCounters }),
    clock,
    log,
    ...AUDIT,
  });
  const keyMaker = makeKeyMaker();
  const work = createWorkInFlight(parts.workLimits);
  const signIns = parts.signIns ?? createSignInLimits(clock);
  const { sha256 } = parts.hashing ?? portableHashing;
  const token = setupTokenOf(parts.sealingKey, parts.hashing);
  const setup = {
    tokenHash: sha256(new TextEncoder().encode(token)),
    isOpenOnLoopback: parts.isSetupOpen ?? false,
  };
  return {
    ca: authority,
    clock,
    keyMaker,
    audit,
    writerId: chains.writerId,
    keptByFront,
    complete: (settings, ca = authority) => ({
      settings,
      storage,
      kv,
      ca,
      pki,
      sealer,
      keys,
      audit,
      work,
      signIns,
      setup,
      transport,
      keyMaker,
      clock,
      ids,
      random,
      newSpanId: createSpanIds(random),
      hash: (parts.hashing ?? portableHashing).sha256,
      log,
      ...(newSealingKey === undefined ? {} : { newSealingKey: () => newSealingKey(sealer) }),
    }),
  };
};
