import { beforeAll, describe, expect, it } from 'vitest';
import { MosaicError } from '../../../domain/errors.ts';
import type { PeerState } from '../../../domain/peers/peer.ts';
import { after, codeOf, GRANT, IDENTITY, NOW } from '../read/serve.testkit.ts';
import { confirmRenewal, renewCertificate } from './renew.ts';
import { aRequest, certificate, SIGNED, TRUST, world } from './renew.testkit.ts';

/* MUTANTS renew: who may have a new certificate, what becomes of one that may not count, and what the holder is told. */
let csr = '';
let keyHash = '';
beforeAll(async () => {
  ({ csr, keyHash } = await aRequest());
});

const requested = () => ['requested', 'intent', GRANT.id, NOW, keyHash];
const signed = (notAfter = after(3_600_000)) => [
  'sign',
  { kind: 'peer-client', grantId: GRANT.id, subjectUserId: GRANT.subjectUserId },
  NOW,
  notAfter,
];
const issued = () => ['issued', 'intent', { ...SIGNED, certificatePem: 'new leaf', chainPem: 'new chain' }];

type World = ReturnType<typeof world>;
const renew = ({ deps }: World) => renewCertificate(deps, IDENTITY, csr);

describe.each([
  ['renewing', renew],
  ['confirming', ({ deps }: World) => confirmRenewal(deps, IDENTITY)],
] as const)('MUTANTS renew %s', (_what, ask) => {
  it.each<readonly [PeerState | null, string | null]>([
    ['active', null],
    ['degraded', null],
    ['pending', 'forbidden'],
    ['suspended', 'forbidden'],
    ['revoked', 'grant_revoked'],
    [null, 'grant_revoked'],
  ])('by a peer that is %s', async (peer, code) => {
    const one = world();
    one.hands.peer = peer;
    expect(await codeOf(ask(one))).toBe(code);
    expect([one.told.length > 0, one.counts.assured]).toEqual([code === null, code === null ? 0 : 1]);
  });

  it('under a grant that is not active, or not there', async () => {
    const one = world();
    one.hands.grant = { ...GRANT, status: 'pending' };
    expect(await codeOf(ask(one))).toBe('grant_pending');
    one.hands.grant = null;
    expect(await codeOf(ask(one))).toBe('grant_unknown');
    expect(one.counts.assured).toBe(2);
    one.hands.isServing = false;
    expect(await codeOf(ask(one))).toBe('database_unavailable');
  });

  it('while the database is away, or something of ours breaks, which is nobody’s refusal', async () => {
    const one = world();
    one.hands.onTransaction = () => {
      throw new MosaicError('database_unavailable');
    };
    expect(await codeOf(ask(one))).toBe('database_unavailable');
    one.hands.onTransaction = () => {
      throw new TypeError('ours');
    };
    await expect(ask(one)).rejects.toThrow('ours');
    expect(one.counts.assured).toBe(0);
  });

  it.each([
    ['is none of the grant’s', { fingerprint: '0'.repeat(64) }],
    ['was revoked', { status: 'revoked' }],
    ['is superseded', { revokeAt: after(1_000) }],
  ] as const)('with a certificate that %s', async (_is, given) => {
    const one = world();
    one.hands.certificates = [certificate(given)];
    expect(await codeOf(ask(one))).toBe('certificate_revoked');
    expect(one.told).toEqual([]);
  });
});

describe('MUTANTS renew a certificate that is signed', () => {
  it('is written down before the authority hears of it, and counts when it is written down as issued', async () => {
    const one = world();
    expect(await renew(one)).toEqual({
      grantId: GRANT.id,
      subjectUserId: GRANT.subjectUserId,
      certificatePem: 'new leaf',
      chainPem: 'new chain',
      trust: TRUST,
      notAfter: SIGNED.notAfter,
    });
    expect(one.told).toEqual([requested(), signed(), issued()]);
    expect([one.counts.transactions, one.warned]).toEqual([2, []]);
  });

  it('takes the place of intents whose process died', async () => {
    const one = world();
    const intent = { status: 'requested', serial: null, fingerprint: null } as const;
    one.hands.certificates = [certificate(), certificate({ ...intent, id: 'dead' })];
    await renew(one);
    expect(one.told.slice(0, 2)).toEqual([['failed', 'dead'], requested()]);
  });

  it.each([
    ['the grant was revoked', { grant: { ...GRANT, status: 'revoked' } }, 'grant_revoked'],
    ['the peer was suspended', { peer: 'suspended' }, 'forbidden'],
    [
      'the presented certificate was revoked',
      { certificates: [certificate({ status: 'revoked' })] },
      'certificate_revoked',
    ],
    [
      'the presented certificate is gone',
      { certificates: [certificate({ serial: '00' })] },
      'certificate_revoked',
    ],
  ])('is revoked at once when meanwhile %s', async (_what, changed, code) => {
    const one = world();
    one.hands.onTransaction = (nth) => void (nth === 2 && Object.assign(one.hands, changed));
    expect(await codeOf(renew(one))).toBe(code);
    expect(one.told).toEqual([
      requested(),
      signed(),
      issued(),
      ['revoked', 'intent', 'cessation_of_operation', NOW],
    ]);
    // The outbox is looked at before the refusal is told; here there is none.
    expect(one.warned.map(([text]) => text)).toEqual(['revocations wait in the outbox']);
  });

  it('is revoked at the authority when it could not be written down', async () => {
    const one = world();
    one.hands.onTransaction = (nth) => {
      if (nth === 2) throw new MosaicError('database_unavailable');
    };
    expect(await codeOf(renew(one))).toBe('database_unavailable');
    expect(one.told).toEqual([
      requested(),
      signed(),
      ['failed', 'intent'],
      ['revoked at the authority', 'cd', 'cessation_of_operation', NOW],
    ]);
  });

  it('is told as our failure when looking at its grant failed, and not as a refusal', async () => {
    const one = world();
    one.hands.onTransaction = (nth) => {
      if (nth === 2)
        Object.assign(one.deps.storage.stores.grants, {
          lock: () => Promise.reject(new MosaicError('internal')),
        });
    };
    expect(await codeOf(renew(one))).toBe('internal');
    expect(one.told.map(([what]) => what)).toEqual([
      'requested',
      'sign',
      'failed',
      'revoked at the authority',
    ]);
  });

  it('that counts after all is not revoked at the authority', async () => {
    const one = world();
    one.hands.onTransaction = (nth) => {
      if (nth === 2) throw new MosaicError('database_unavailable');
    };
    one.hands.onMarkFailed = () => {
      throw new Error('it is issued');
    };
    expect(await codeOf(renew(one))).toBe('database_unavailable');
    expect(one.told).toEqual([requested(), signed()]);
    expect(one.warned).toEqual([
      [
        'a failed renewal was not cleaned up',
        { certificate_id: 'intent', error: expect.any(Error) as unknown },
      ],
    ]);
  });

  it('by an authority that does not sign is a failed one, and nothing is revoked', async () => {
    const one = world();
    one.hands.sign = () => Promise.reject(new MosaicError('ca_unavailable'));
    expect(await codeOf(renew(one))).toBe('ca_unavailable');
    expect(one.told).toEqual([requested(), signed(), ['failed', 'intent']]);
  });

  it('is over a key of its own', async () => {
    const one = world();
    expect(await codeOf(renewCertificate(one.deps, IDENTITY, 'no request'))).toBe('invalid_csr');
    expect(one.counts.transactions).toBe(0);
    one.hands.isKeyOfAnother = true;
    expect(await codeOf(renew(one))).toBe('invalid_csr');
    one.hands.isKeyOfAnother = false;
    one.hands.certificates = [certificate({ publicKeyHash: keyHash })];
    await expect(renew(one)).rejects.toMatchObject({
      code: 'invalid_csr',
      message: expect.stringContaining('A renewal needs a new key.') as string,
    });
    expect(one.told).toEqual([]);
  });
});
