import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  INTENT_MS,
  MAX_OPEN,
  MAX_VALID,
  OVERLAP_MS,
  decideReissue,
  type HeldCertificate,
  type RenewalAsked,
} from './reissue.ts';

const DAY = 86_400_000;
const NOW = new Date('2026-01-10T00:00:00Z');
const at = (offset: number): Date => new Date(NOW.getTime() + offset);

const held = (over: Partial<HeldCertificate> = {}): HeldCertificate => ({
  id: 'one',
  status: 'issued',
  serial: 'a1',
  fingerprint: 'f-a1',
  publicKeyHash: 'key-1',
  certificatePem: 'pem',
  createdAt: at(-25 * DAY),
  notAfter: at(5 * DAY),
  revokeAt: null,
  ...over,
});
const asked = (over: Partial<RenewalAsked> = {}): RenewalAsked => ({
  serial: 'a1',
  fingerprint: 'f-a1',
  notBefore: at(-25 * DAY),
  notAfter: at(5 * DAY),
  publicKeyHash: 'key-2',
  ...over,
});
const kind = (certificates: readonly HeldCertificate[], over: Partial<RenewalAsked> = {}) =>
  decideReissue(certificates, asked(over), NOW).kind;

describe('whether a certificate is renewed', () => {
  it('the only certificate is renewed at any time, a second one only when it is due', () => {
    expect(kind([held()])).toBe('issue');
    expect(kind([held()], { notAfter: at(29 * DAY) })).toBe('issue');
    const newer = held({ id: 'two', serial: 'b2', publicKeyHash: 'key-0', createdAt: at(-DAY) });
    expect(kind([held(), newer])).toBe('issue');
    expect(kind([held(), newer], { notBefore: at(-DAY), notAfter: at(29 * DAY) })).toBe('refused');
  });

  it('a revoked, superseded, failed or unknown one is not renewed', () => {
    for (const over of [{ status: 'revoked' }, { status: 'failed' }, { revokeAt: at(OVERLAP_MS) }] as const)
      expect(decideReissue([held(over)], asked(), NOW)).toEqual({
        kind: 'refused',
        code: 'certificate_revoked',
      });
    expect(decideReissue([held()], asked({ serial: 'ff' }), NOW)).toMatchObject({
      code: 'certificate_revoked',
    });
  });

  it('the same key again gives the same certificate, and the key of an older one is refused', () => {
    const made = held({ id: 'two', serial: 'b2', publicKeyHash: 'key-2', createdAt: at(-1) });
    expect(decideReissue([held(), made], asked(), NOW)).toEqual({ kind: 'again', certificate: made });
    const code = { kind: 'refused', code: 'invalid_csr' };
    expect(decideReissue([held()], asked({ publicKeyHash: 'key-1' }), NOW)).toMatchObject(code);
    for (const over of [
      { status: 'revoked' },
      { createdAt: at(-26 * DAY) },
      { revokeAt: at(1) },
      { notAfter: NOW },
    ] as const)
      expect(decideReissue([held(), { ...made, ...over }], asked(), NOW)).toMatchObject(code);
    expect(kind([held(), { ...made, status: 'failed', serial: null }])).toBe('issue');
  });

  it('waits for an intent under way, and gives one up whose process died', () => {
    const intent = held({
      id: 'two',
      status: 'requested',
      serial: null,
      publicKeyHash: 'key-2',
      notAfter: null,
    });
    expect(kind([held(), { ...intent, createdAt: at(-INTENT_MS + 1) }])).toBe('busy');
    const dead = { ...intent, createdAt: at(-INTENT_MS) };
    expect(decideReissue([held(), dead], asked(), NOW)).toEqual({ kind: 'issue', dead: [dead] });
  });

  it('never lets more be good at once than the bounds say, whoever asks how often', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ step: fc.integer({ min: 0, max: 12 * DAY }), who: fc.nat(20), confirms: fc.boolean() }),
          {
            maxLength: 60,
          },
        ),
        (steps) => {
          let now = NOW;
          const all: HeldCertificate[] = [
            held({ id: '0', serial: '0', createdAt: NOW, notAfter: at(30 * DAY), publicKeyHash: 'k0' }),
          ];
          for (const [index, { step, who, confirms }] of steps.entries()) {
            now = new Date(now.getTime() + step);
            const presented = all[who % all.length];
            if (presented?.notAfter === undefined || presented.notAfter === null || presented.notAfter <= now)
              continue;
            const notAfter = presented.notAfter;
            const request = {
              serial: presented.serial ?? '',
              fingerprint: presented.fingerprint ?? '',
              notBefore: presented.createdAt,
              notAfter,
              publicKeyHash: `k${index + 1}`,
            };
            if (decideReissue(all, request, now).kind !== 'issue') continue;
            const id = String(index + 1);
            const made = held({
              id,
              serial: id,
              fingerprint: `f-${id}`,
              createdAt: now,
              notAfter: new Date(now.getTime() + 30 * DAY),
              publicKeyHash: `k${id}`,
            });
            if (confirms)
              for (const [place, one] of all.entries())
                all[place] = { ...one, revokeAt: one.revokeAt ?? new Date(now.getTime() + OVERLAP_MS) };
            all.push(made);
            for (const [place, one] of all.entries())
              if (one.revokeAt !== null && one.revokeAt <= now) all[place] = { ...one, status: 'revoked' };
            const good = all.filter((one) => one.status === 'issued' && (one.notAfter ?? now) > now);
            expect(good.length).toBeLessThanOrEqual(MAX_VALID);
            expect(good.filter(({ revokeAt }) => revokeAt === null).length).toBeLessThanOrEqual(MAX_OPEN);
          }
        },
      ),
    );
  });
});

describe('MUTANTS reissue bounds', () => {
  it('are those that docs/explanation/renewal.md promises', () => {
    expect([INTENT_MS, MAX_OPEN, MAX_VALID, OVERLAP_MS]).toEqual([60_000, 3, 10, 600_000]);
  });

  const many = (count: number, over: Partial<HeldCertificate>): readonly HeldCertificate[] =>
    Array.from({ length: count }, (_, n) =>
      held({ id: `x${n}`, serial: `x${n}`, fingerprint: `f${n}`, publicKeyHash: `kx${n}`, ...over }),
    );
  const superseded = { revokeAt: at(OVERLAP_MS) };
  const intent = { status: 'requested', serial: null, notAfter: null, createdAt: at(-1) } as const;
  const due = { notAfter: at(DAY) };

  it('three certificates in use are the most, those under way among them', () => {
    expect(kind([held(), ...many(1, {})], due)).toBe('issue');
    expect(kind([held(), ...many(2, {})], due)).toBe('refused');
    expect(kind([held(), ...many(2, intent)], due)).toBe('refused');
    // One that is under way is nobody's to give up.
    expect(decideReissue([held(), ...many(1, intent)], asked(due), NOW)).toEqual({ kind: 'issue', dead: [] });
    const dead = many(5, { ...intent, createdAt: at(-INTENT_MS) });
    expect(decideReissue([held(), ...dead], asked(due), NOW)).toEqual({ kind: 'issue', dead });
  });

  it('ten that are good are the most, with those in their overlap', () => {
    expect(kind([held(), ...many(8, superseded)], due)).toBe('issue');
    expect(kind([held(), ...many(9, superseded)], due)).toBe('refused');
    expect(kind([held(), ...many(7, superseded), ...many(1, intent)], due)).toBe('issue');
    expect(kind([held(), ...many(8, superseded), ...many(1, intent)], due)).toBe('refused');
  });

  it.each([
    ['ended at this moment', { notAfter: NOW }],
    ['have no end', { notAfter: null }],
    ['are revoked', { status: 'revoked' }],
    ['failed', { status: 'failed' }],
  ] as const)('those that %s do not count', (_what, over) => {
    expect(kind([held(), ...many(20, over)], due)).toBe('issue');
  });

  it('asked for again: one that is newer than the presented, or as old, and whole', () => {
    const made = held({ id: 'two', serial: 'b2', publicKeyHash: 'key-2', createdAt: held().createdAt });
    expect(kind([held(), made])).toBe('again');
    expect(kind([held(), { ...made, certificatePem: null }])).toBe('refused');
    expect(kind([held(), { ...made, notAfter: null }])).toBe('refused');
    expect(kind([held(), { ...made, notAfter: at(1) }])).toBe('again');
    expect(kind([held(), { ...made, status: 'revoked' }])).toBe('refused');
  });

  it('a second one is given from the beginning of the window and not before', () => {
    const newer = held({ id: 'two', serial: 'b2', publicKeyHash: 'key-0', createdAt: at(-DAY) });
    const life = { notBefore: at(-23 * DAY), notAfter: at(7 * DAY) };
    expect(kind([held(), newer], life)).toBe('issue');
    expect(kind([held(), newer], { ...life, notAfter: at(7 * DAY + 1) })).toBe('refused');
  });
});
