import { describe, expect, it } from 'vitest';
import type { IssuedCertificate } from '../../../ca/authority.ts';
import type { AuditEntry } from '../../../domain/audit/entry.ts';
import type { Deps } from '../../app/deps.ts';
import { conclude } from './redeem-conclude.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const ENROLLABLE = { id: 'grant', peerId: 'peer', subjectUserId: 'subject', expiresAt: null };
const CLAIM = {
  hash: 'hash',
  claimId: 'claim',
  grantId: 'grant',
  certificateId: 'certificate',
  grant: ENROLLABLE,
};
const GRANT = { id: 'grant', peerId: 'peer', status: 'active' };
const ISSUED: IssuedCertificate = {
  serial: '0a',
  fingerprint: 'ff',
  pem: 'PEM',
  der: new Uint8Array(),
  chainPem: 'CHAIN',
  notBefore: NOW,
  notAfter: new Date('2026-02-01T00:00:00Z'),
};

interface Situation {
  /** What the one statement gives. */
  readonly concluded?: object | null;
  readonly activated?: object | null;
  /** As it stands now; undefined: there is none. */
  readonly statusNow?: string;
  readonly isFinished?: boolean;
  readonly peerState?: string;
  readonly isPeerSet?: boolean;
}

const world = (situation: Situation) => {
  const did: unknown[][] = [];
  const { peerState = 'pending', activated = GRANT, isFinished = true, isPeerSet = true } = situation;
  const doing =
    (name: string, answer?: unknown) =>
    (...given: unknown[]) => {
      did.push([name, ...given]);
      return Promise.resolve(answer);
    };
  const stores = {
    enrollments: { conclude: doing('conclude', situation.concluded ?? null) },
    grants: {
      activate: doing('activate', activated),
      byId: () =>
        Promise.resolve(
          situation.statusNow === undefined ? null : { grant: { status: situation.statusNow } },
        ),
    },
    certificates: { markIssued: doing('markIssued'), revokeOne: doing('revokeOne') },
    enrollmentTokens: { finish: doing('finish', isFinished), closeForGrant: doing('closeForGrant') },
    peers: {
      byId: (id: string) => Promise.resolve(peerState === 'none' ? null : { id, state: peerState }),
      setState: doing('setState', isPeerSet),
    },
    audit: { insertMany: doing('insertMany') },
  };
  const deps = {
    clock: { now: () => NOW },
    ids: { uuid: () => 'entry' },
    storage: { stores, transaction: (work: (given: object) => unknown) => work(stores) },
  } as unknown as Deps;
  const run = () => conclude(deps, { principal: null, traceId: 'trace' }, CLAIM, ENROLLABLE, ISSUED);
  return { did, run };
};

const ENTRY: Partial<AuditEntry> = {
  verb: 'enroll',
  action: 'grant.enroll',
  status: 201,
  outcome: 'allowed',
  grantId: 'grant',
  peerId: 'peer',
  subjectUserId: 'subject',
  traceId: 'trace',
};
const BEFORE = [
  ['activate', 'grant', NOW],
  ['markIssued', 'certificate', ISSUED],
];

describe('MUTANTS redeem-conclude the end of a redemption', () => {
  it('is one statement with the audit entry, and nothing more when that says so', async () => {
    const { did, run } = world({ concluded: GRANT });
    expect(await run()).toBe(GRANT);
    const { serial, fingerprint, notBefore, notAfter } = ISSUED;
    expect(did).toEqual([
      [
        'conclude',
        {
          hash: 'hash',
          claimId: 'claim',
          grantId: 'grant',
          certificateId: 'certificate',
          serial,
          fingerprint,
          notBefore,
          notAfter,
          at: NOW,
          entry: expect.objectContaining(ENTRY) as unknown,
        },
      ],
    ]);
  });

  it('step by step makes grant, certificate and peer count, spends the token and writes the entry', async () => {
    const { did, run } = world({});
    expect(await run()).toBe(GRANT);
    expect(did.slice(1)).toEqual([
      ...BEFORE,
      ['finish', 'hash', 'claim', NOW],
      ['setState', 'peer', 'pending', 'active'],
      ['insertMany', [expect.objectContaining(ENTRY)]],
    ]);
  });

  it('leaves a peer as it is that is active already', async () => {
    const { did, run } = world({ peerState: 'active', isPeerSet: false });
    expect(await run()).toBe(GRANT);
    expect(did.map(([name]) => name)).not.toContain('setState');
  });

  it.each([
    ['no peer is there', { peerState: 'none' }, 'token_expired'],
    ['the peer was revoked', { peerState: 'revoked' }, 'token_expired'],
    ['the peer was changed meanwhile', { isPeerSet: false }, 'unavailable'],
    ['the claim was lost', { isFinished: false }, 'token_used'],
  ] as const)('fails whole when %s', async (_, situation, code) => {
    const { did, run } = world(situation);
    await expect(run()).rejects.toMatchObject({ code });
    expect(did.map(([name]) => name)).not.toContain('insertMany');
  });

  it('revokes its own certificate and nothing else when another redemption was faster', async () => {
    const { did, run } = world({ activated: null, statusNow: 'active' });
    expect(await run()).toBe('token_used');
    expect(did.slice(1)).toEqual([...BEFORE, ['revokeOne', 'certificate', 'cessation_of_operation', NOW]]);
  });

  it.each([['revoked'], ['expired'], [undefined]])(
    'closes the token of a grant that is %s',
    async (status) => {
      const { did, run } = world({ activated: null, ...(status === undefined ? {} : { statusNow: status }) });
      expect(await run()).toBe('token_expired');
      expect(did.slice(1)).toEqual([
        ...BEFORE,
        ['revokeOne', 'certificate', 'cessation_of_operation', NOW],
        ['closeForGrant', 'grant', NOW],
      ]);
    },
  );
});
