import { beforeAll, describe, expect, it } from 'vitest';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { TokenBucket } from '../../../domain/ports/basics.ts';
import type { Deps } from '../../app/deps.ts';
import { hashText, macWith } from '../../kernel/mac.ts';
import { newEnrollmentToken } from './enrollment-token.ts';
import { lifetimeOf, redeem } from './redeem.ts';

const NOW = new Date('2026-01-01T00:00:00.789Z');
const SECOND = new Date('2026-01-01T00:00:00Z');
const GRANT = { id: 'grant', peerId: 'peer', subjectUserId: 'subject', expiresAt: null };
const ISSUED = {
  serial: '0a',
  fingerprint: 'ff',
  pem: 'PEM',
  chainPem: 'CHAIN',
  notBefore: NOW,
  notAfter: NOW,
};
const mac = macWith(new Uint8Array(32));
const random = { bytes: (length: number) => new Uint8Array(length).fill(7) };

interface Situation {
  /** Key of a bucket that is empty. */
  readonly empty?: string;
  readonly begun?: object;
  readonly issue?: () => object;
  readonly concluded?: () => object | null;
  /** How the grant stands when it cannot be activated any more. */
  readonly statusNow?: string;
  readonly markFailed?: () => void;
}

const world = (situation: Situation = {}) => {
  const did: unknown[][] = [];
  const doing =
    (name: string, answer: () => unknown = () => undefined) =>
    async (...given: unknown[]) => {
      did.push([name, ...given]);
      return answer();
    };
  const begun = { kind: 'claimed', grantId: 'grant', grant: GRANT, ...situation.begun };
  const stores = {
    enrollments: {
      begin: doing('begin', () => begun),
      conclude: doing('conclude', situation.concluded ?? (() => GRANT)),
    },
    enrollmentTokens: {
      release: doing('release'),
      finish: doing('finish'),
      closeForGrant: doing('closeForGrant'),
    },
    grants: {
      activate: () => Promise.resolve(null),
      byId: () => Promise.resolve({ grant: { status: situation.statusNow } }),
    },
    certificates: {
      markFailed: doing('markFailed', situation.markFailed),
      markIssued: doing('markIssued'),
      revokeOne: doing('revokeOne'),
    },
    revocationOutbox: { take: doing('drain', () => []) },
  };
  let ids = 0;
  const deps = {
    settings: { leafLifetimeSeconds: 3_600 },
    clock: { now: () => NOW },
    ids: { uuid: () => `id-${(ids += 1)}` },
    keys: { cursorMac: mac },
    kv: {
      take: (key: string, bucket: TokenBucket) => {
        did.push(['take', key, bucket.capacity]);
        const allowed = key !== situation.empty;
        return Promise.resolve({ allowed, remaining: 0, retryAfterSeconds: allowed ? 0 : 9 });
      },
    },
    ca: {
      rootPem: () => Promise.resolve('ROOT'),
      issue: doing('issue', situation.issue ?? (() => ISSUED)),
      revoke: doing('revoke'),
    },
    storage: { stores, transaction: (work: (given: object) => unknown) => work(stores) },
    telemetry: { count: (...given: unknown[]) => void did.push(['count', ...given]) },
    audit: {
      record: (entry: object) => void did.push(['record', entry]),
      recordRepeated: (kind: string, entry: object) => void did.push(['recordRepeated', kind, entry]),
    },
    log: { warn: (...given: unknown[]) => void did.push(['warn', ...given]) },
  } as unknown as Deps;
  return { did, deps };
};

const token = newEnrollmentToken(random, mac);
let csr = '';
beforeAll(async () => {
  csr = (await makeKeyMaker().keyAndCsr()).csrPem;
});

const run = (deps: Deps, more: object = {}) =>
  redeem(deps, { token, csr, address: '192.0.2.1', traceId: 'trace', ...more });
/** What was done, from the first of a name on, without what it was done with. */
const namesOf = (did: readonly unknown[][]) => did.map(([name]) => name);
const denied = (reason: string) => [
  'count',
  'mosaic_federation_denials_total',
  { direction: 'inbound', reason },
];

describe('MUTANTS redeem the lifetime of a certificate', () => {
  const { deps } = world();
  it.each([
    ['a grant without an end', null, 3_600],
    ['a grant that ends later', '2026-01-01T09:00:00Z', 3_600],
    ['a grant that ends sooner', '2026-01-01T00:30:00.900Z', 1_800],
    ['a grant that ends in less than an authority signs for', '2026-01-01T00:00:01Z', 300],
    ['a grant that has ended', '2025-12-31T00:00:00Z', 300],
  ])('is in whole seconds, of %s', (_, end, seconds) => {
    expect(lifetimeOf(deps, { expiresAt: end === null ? null : new Date(end) })).toEqual({
      notBefore: SECOND,
      notAfter: new Date(SECOND.getTime() + seconds * 1_000),
    });
  });
});

describe('MUTANTS redeem a redemption', () => {
  it('is counted, claimed, signed for and concluded, in this order', async () => {
    const { did, deps } = world();
    expect(await run(deps)).toEqual({ grant: GRANT, certificate: ISSUED, rootPem: 'ROOT' });
    expect(namesOf(did)).toEqual(['take', 'take', 'begin', 'issue', 'conclude']);
    expect(did[2]?.[1]).toMatchObject({ hash: hashText(token) });
    expect(did[3]?.[1]).toMatchObject({
      profile: { kind: 'peer-client', grantId: 'grant', subjectUserId: 'subject' },
      notBefore: SECOND,
    });
  });

  it('N-8 is counted by its token when that bears the mark, and by the address first when it does not', async () => {
    const ofOurs = world();
    await run(ofOurs.deps);
    const hash = hashText(token);
    expect(ofOurs.did.slice(0, 2)).toEqual([
      ['take', `enroll:token:${hash}`, 120],
      ['take', 'enroll:marked:192.0.2.1', 2_400],
    ]);
    const madeUp = world();
    await run(madeUp.deps, { token: 'A'.repeat(43) });
    expect(madeUp.did.slice(0, 2)).toEqual([
      ['take', 'enroll:address:192.0.2.1', 240],
      ['take', `enroll:token:${hashText('A'.repeat(43))}`, 120],
    ]);
  });

  it('beyond a limit is looked at no further, and is counted and audited as repeated', async () => {
    const { did, deps } = world({ empty: `enroll:token:${hashText(token)}` });
    await expect(run(deps)).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 9 });
    expect(did.slice(1)).toEqual([
      denied('rate_limited'),
      ['count', 'mosaic_limiter_refusals_total', { limiter: 'enrollment' }],
      [
        'recordRepeated',
        'enroll 192.0.2.1',
        expect.objectContaining({
          verb: 'enroll',
          action: 'grant.enroll',
          status: 429,
          outcome: 'denied',
          reasonCode: 'rate_limited',
          grantId: null,
          traceId: 'trace',
        }),
      ],
    ]);
  });

  it('with a broken request is refused before the token is claimed, and leaves an entry', async () => {
    const { did, deps } = world();
    await expect(run(deps, { csr: 'no' })).rejects.toMatchObject({
      code: 'invalid_csr',
      detail: expect.any(String) as unknown,
    });
    expect(did.slice(2)).toEqual([
      denied('invalid_csr'),
      ['record', expect.objectContaining({ status: 400, reasonCode: 'invalid_csr', grantId: null })],
    ]);
  });

  it('of a grant that nobody can enroll for spends the token', async () => {
    const { did, deps } = world({ begun: { grant: null } });
    await expect(run(deps)).rejects.toMatchObject({ code: 'token_expired' });
    expect(did.slice(3)).toEqual([
      ['finish', hashText(token), 'id-1', NOW],
      denied('token_expired'),
      ['record', expect.objectContaining({ reasonCode: 'token_expired', grantId: 'grant' })],
    ]);
  });

  it('gives the token back when the CA does not sign, and asks it to revoke nothing', async () => {
    const issue = () => {
      throw new MosaicError('ca_unavailable');
    };
    const { did, deps } = world({ issue });
    await expect(run(deps)).rejects.toMatchObject({ code: 'ca_unavailable' });
    expect(did.slice(4)).toEqual([
      ['release', hashText(token), 'id-1'],
      ['markFailed', 'id-2'],
      denied('ca_unavailable'),
      ['record', expect.objectContaining({ status: 503, grantId: 'grant' })],
    ]);
  });

  it('that is not concluded has its certificate revoked, and an error of ours is told as one', async () => {
    const concluded = () => {
      throw new Error('a fault');
    };
    const { did, deps } = world({ concluded });
    await expect(run(deps)).rejects.toThrow('a fault');
    expect(did.slice(5)).toEqual([
      ['release', hashText(token), 'id-1'],
      ['markFailed', 'id-2'],
      ['revoke', '0a', 'cessation_of_operation', NOW],
      denied('internal'),
      ['record', expect.objectContaining({ status: 500, reasonCode: 'internal' })],
    ]);
  });

  it('that cannot be undone says so in the log, and fails as it did', async () => {
    const concluded = () => {
      throw new MosaicError('database_unavailable');
    };
    const markFailed = () => {
      throw new Error('it counts');
    };
    const { did, deps } = world({ concluded, markFailed });
    await expect(run(deps)).rejects.toMatchObject({ code: 'database_unavailable' });
    // A certificate that counts after all is not revoked.
    expect(namesOf(did).slice(5)).toEqual(['release', 'markFailed', 'warn', 'count', 'record']);
    expect(did[7]?.[2]).toMatchObject({ grant_id: 'grant', error: { message: 'it counts' } });
  });

  it.each([
    ['active', 'token_used'],
    ['revoked', 'token_expired'],
  ])(
    'of a grant that became %s meanwhile is refused, when its certificate was revoked',
    async (statusNow, code) => {
      const { did, deps } = world({ concluded: () => null, statusNow });
      await expect(run(deps)).rejects.toMatchObject({ code });
      const names = namesOf(did);
      expect(names).not.toContain('release');
      expect(names.indexOf('drain')).toBeGreaterThan(names.indexOf('revokeOne'));
      expect(did.at(-1)).toEqual(['record', expect.objectContaining({ reasonCode: code, grantId: 'grant' })]);
    },
  );
});
