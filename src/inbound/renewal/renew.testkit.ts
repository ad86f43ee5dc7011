import type { IssuedCertificate, IssueRequest } from '../../../ca/authority.ts';
import { sha256Hex } from '../../../ca/x509/bytes.ts';
import { readCsr } from '../../../ca/x509/csr.ts';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Grant } from '../../../domain/grants/grant.ts';
import type { PeerState } from '../../../domain/peers/peer.ts';
import type { CertificateRecord } from '../../../domain/ports/certificates.ts';
import type { Stores } from '../../../domain/ports/storage.ts';
import type { Deps } from '../../app/deps.ts';
import { after, GRANT, IDENTITY, NOW } from '../read/serve.testkit.ts';

export const TRUST = { rootsPem: 'root', intermediatesPem: '', linksPem: '' };

/** A certificate request over a new key, and that key's hash. */
export const aRequest = async (): Promise<{ readonly csr: string; readonly keyHash: string }> => {
  const { csrPem: csr } = await makeKeyMaker().keyAndCsr();
  const read = await readCsr(csr);
  if (!read.ok) throw new Error(read.error);
  return { csr, keyHash: sha256Hex(read.value.publicKeyInfo) };
};

export const certificate = (given: Partial<CertificateRecord> = {}): CertificateRecord => ({
  id: 'presented',
  grantId: GRANT.id,
  status: 'issued',
  serial: IDENTITY.serial,
  fingerprint: IDENTITY.fingerprint,
  notBefore: IDENTITY.notBefore,
  notAfter: IDENTITY.notAfter,
  createdAt: after(-100_000),
  revokedAt: null,
  publicKeyHash: 'another key',
  certificatePem: 'old leaf',
  chainPem: 'old chain',
  confirmedAt: null,
  revokeAt: null,
  ...given,
});

export const SIGNED: IssuedCertificate = {
  pem: 'new leaf',
  der: Uint8Array.of(1),
  chainPem: 'new chain',
  serial: 'cd',
  fingerprint: '0'.repeat(64),
  notBefore: NOW,
  notAfter: after(5_000),
};

/** A database and an authority that do as they are told, and write down what they are asked. */
export const world = () => {
  const hands = {
    grant: GRANT as Grant | null,
    peer: 'active' as PeerState | null,
    certificates: [certificate()] as readonly CertificateRecord[],
    isKeyOfAnother: false,
    isServing: true,
    confirmed: 1,
    /** Runs when a transaction begins, with how many there were. */
    onTransaction: (_nth: number): void => {},
    sign: (): Promise<IssuedCertificate> => Promise.resolve(SIGNED),
    onMarkFailed: (): void => {},
  };
  const told: (readonly unknown[])[] = [];
  const warned: (readonly [string, unknown])[] = [];
  const counts = { transactions: 0, assured: 0 };
  const stores = {
    grants: { lock: async (id: string) => (id === hands.grant?.id ? hands.grant : null) },
    peers: { byId: async (id: string) => (hands.peer === null ? null : { id, state: hands.peer }) },
    certificates: {
      ofGrant: async () => hands.certificates,
      isKeyOfAnother: async () => hands.isKeyOfAnother,
      insertRequested: async (...given: unknown[]) => void told.push(['requested', ...given]),
      markIssued: async (...given: unknown[]) => void told.push(['issued', ...given]),
      markFailed: async (id: string) => {
        hands.onMarkFailed();
        told.push(['failed', id]);
      },
      revokeOne: async (...given: unknown[]) => void told.push(['revoked', ...given]),
      confirm: async (...given: unknown[]) => {
        told.push(['confirmed', ...given]);
        return hands.confirmed;
      },
    },
  } as unknown as Stores;
  const deps = {
    settings: { leafLifetimeSeconds: 3_600 },
    clock: { now: () => NOW },
    ids: { uuid: () => 'intent' },
    log: { warn: (text: string, fields: unknown) => void warned.push([text, fields]) },
    ca: {
      rootPem: () => Promise.resolve('root'),
      issue: ({ profile, notBefore, notAfter }: IssueRequest) => {
        told.push(['sign', profile, notBefore, notAfter]);
        return hands.sign();
      },
      revoke: async (...given: unknown[]) => void told.push(['revoked at the authority', ...given]),
    },
    storage: {
      stores,
      transaction: async <T>(work: (within: Stores) => Promise<T>): Promise<T> => {
        counts.transactions += 1;
        hands.onTransaction(counts.transactions);
        return work(stores);
      },
      assertServing: async () => {
        counts.assured += 1;
        if (!hands.isServing) throw new MosaicError('database_unavailable');
      },
    },
  } as unknown as Deps;
  return { hands, told, warned, counts, deps };
};
