import type { AuthorizedRead } from '../../../domain/access/decide.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Grant } from '../../../domain/grants/grant.ts';
import type { CertificateIdentity } from '../../../domain/peers/identity.ts';
import type { PeerState } from '../../../domain/peers/peer.ts';
import type { TokenBucket } from '../../../domain/ports/basics.ts';
import type { CertificateRecord } from '../../../domain/ports/certificates.ts';
import type { Deps } from '../../app/deps.ts';
import { sha256 } from '../../kernel/mac.ts';
import { createEpochKeeper, newPublishedEpoch } from '../revocation/revocation-epoch.ts';
import { createServing } from './serve.ts';

export const NOW = new Date('2026-03-01T09:00:00.000Z');
export const after = (milliseconds: number): Date => new Date(NOW.getTime() + milliseconds);

export const IDENTITY: CertificateIdentity = {
  grantId: '11111111-1111-4111-8111-111111111111',
  subjectUserId: '22222222-2222-4222-8222-222222222222',
  serial: 'ab',
  fingerprint: 'f'.repeat(64),
  notBefore: after(-1_000),
  notAfter: after(1_000_000),
};

export const GRANT: Grant = {
  id: IDENTITY.grantId,
  peerId: 'peer',
  subjectUserId: IDENTITY.subjectUserId,
  scope: { resources: ['tasks', 'notes'], excluded_resources: [], filters: {}, max_rows_per_query: 100 },
  status: 'active',
  version: 1,
  rateLimitPerMinute: 60,
  cacheTtlSeconds: null,
  auditStrict: false,
  createdAt: NOW,
  activatedAt: NOW,
  expiresAt: null,
  revokedAt: null,
  revokedReason: null,
};

export const ISSUED = {
  status: 'issued',
  serial: IDENTITY.serial,
  fingerprint: IDENTITY.fingerprint,
  revokeAt: null,
} as unknown as CertificateRecord;

/** What the database, the reader and the limits say, to be changed by hand while a request is under way. */
export const world = () => {
  const hands = {
    now: NOW,
    grant: GRANT as Grant | null,
    peer: 'active' as PeerState | null,
    /** Whether the fence lets the nth reading statement through. */
    admits: (_nth: number): boolean => true,
    /** Runs before each reading of the grant. */
    onRead: (_nth: number): void => {},
    value: null as unknown,
    certificates: [ISSUED] as readonly CertificateRecord[],
    isServing: true,
    lostSince: null as Date | null,
    take: (_bucket: TokenBucket): { allowed: boolean; remaining: number; retryAfterSeconds: number } => ({
      allowed: true,
      remaining: 7,
      retryAfterSeconds: 0,
    }),
  };
  const told = {
    reads: [] as AuthorizedRead[],
    grantsRead: 0,
    assured: 0,
    epochsRead: 0,
    taken: [] as (readonly [string, TokenBucket])[],
  };
  const read = (authorized: AuthorizedRead) => {
    told.reads.push(authorized);
    const isAdmitted = hands.admits(told.reads.length);
    return Promise.resolve(isAdmitted ? { admitted: true, value: hands.value } : { admitted: false });
  };
  const deps = {
    settings: { defaultRateLimitPerMinute: 90, gatewayName: 'work' },
    clock: { now: () => hands.now },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    sealer: { open: (sealed: string) => Promise.resolve(new TextEncoder().encode(sealed)) },
    keys: {
      cursorMac: sha256,
      auditMac: () => Uint8Array.of(0xee),
      macWith: (key: Uint8Array) => () => key,
      statements: { sign: () => Promise.resolve(new Uint8Array(64)) },
    },
    kv: {
      take: (key: string, bucket: TokenBucket) => {
        told.taken.push([key, bucket]);
        return Promise.resolve(hands.take(bucket));
      },
    },
    storage: {
      reader: { capabilities: read, listJson: read, get: read, search: read },
      assertServing: async () => {
        told.assured += 1;
        await Promise.resolve();
        if (!hands.isServing) throw new MosaicError('database_unavailable');
      },
      stores: {
        grants: {
          byId: async () => {
            told.grantsRead += 1;
            hands.onRead(told.grantsRead);
            await Promise.resolve();
            return hands.grant === null ? null : { grant: hands.grant, auditKeySealed: 'own key' };
          },
        },
        peers: { byId: async () => (hands.peer === null ? null : { id: 'peer', state: hands.peer }) },
        certificates: { ofGrant: async () => hands.certificates },
        revocationEpoch: {
          read: async () => {
            told.epochsRead += 1;
            return { epoch: 5, proven: 0, lostSince: hands.lostSince, knows: true };
          },
        },
      },
    },
  } as unknown as Deps;
  const epochs = createEpochKeeper(deps, newPublishedEpoch());
  const serving = createServing({ ...deps, epochs });
  return { hands, told, serving, caller: () => serving.identify(IDENTITY) };
};

/** The code of the refusal, or null. */
export const codeOf = (work: Promise<unknown>): Promise<string | null> =>
  work.then(
    () => null,
    (error: unknown) => {
      if (error instanceof MosaicError) return error.code;
      throw error;
    },
  );
