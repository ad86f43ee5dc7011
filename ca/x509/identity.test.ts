import fc from 'fast-check';
import { Certificate } from 'pkijs';
import { beforeAll, describe, expect, test } from 'vitest';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../domain/peers/identity.ts';
import { createForger } from '../testing/forge.testkit.ts';
import { MALFORMED_VALUES } from '../testing/malformed.testkit.ts';
import { sha256Hex, toHex } from './bytes.ts';
import { MAX_CERTIFICATE_LENGTH, readCertificate } from './certificate.ts';
import { encodeIdentityExtension } from './extension.ts';
import { readIdentity } from './identity.ts';

const GRANT = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const SUBJECT = '16fd2706-8baf-433b-82eb-8c7fada847da';
const grant = { oid: GRANT_ID_OID, value: encodeIdentityExtension(GRANT) };
const subject = { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(SUBJECT) };

describe('identity of a certificate', () => {
  let forger: Awaited<ReturnType<typeof createForger>>;
  let good: Uint8Array;

  beforeAll(async () => {
    forger = await createForger('work');
    good = (await forger.leaf([grant, subject])).der;
  });

  test('M2-4: the subject-user extension is the subject user of the identity', () => {
    const identity = readIdentity(good);
    expect(identity.ok && identity.value).toMatchObject({
      grantId: GRANT,
      subjectUserId: SUBJECT,
      serial: '2a',
      fingerprint: sha256Hex(good),
    });
  });

  test('an independent parser (PKI.js) sees the same certificate', () => {
    const theirs = Certificate.fromBER(new Uint8Array(good));
    const ours = readCertificate(good);
    expect(ours.ok).toBe(true);
    if (!ours.ok) return;
    expect(ours.value.notBefore).toEqual(theirs.notBefore.value);
    expect(ours.value.notAfter).toEqual(theirs.notAfter.value);
    expect(toHex(ours.value.tbs)).toBe(toHex(theirs.tbsView));
    expect([...ours.value.extensions.keys()]).toEqual(theirs.extensions?.map(({ extnID }) => extnID));
  });

  describe.each([
    ['grant', GRANT_ID_OID, subject],
    ['subject', SUBJECT_USER_ID_OID, grant],
  ] as const)('X-11: the %s extension', (_which, oid, other) => {
    test.each(MALFORMED_VALUES)('malformed: %s', async (_what, value) => {
      const { der } = await forger.leaf([other, { oid, value }]);
      expect(readIdentity(der)).toEqual({ ok: false, error: expect.stringContaining(oid) as string });
    });

    test('missing', async () => {
      const { der } = await forger.leaf([other]);
      expect(readIdentity(der)).toEqual({ ok: false, error: `extension ${oid} is missing` });
    });

    test.each([GRANT, SUBJECT])('twice', async (uuid) => {
      const twice = { oid, value: encodeIdentityExtension(uuid) };
      const { der } = await forger.leaf([other, twice, twice]);
      expect(readIdentity(der)).toEqual({ ok: false, error: `extension ${oid} occurs twice` });
    });
  });

  test('garbage, cut, changed, prolonged and huge input gives an error or the same kind of value, never an exception', () => {
    const changed = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Uint8Array.from(good);
      copy[at] = byte;
      return copy;
    });
    const cut = fc.nat(good.length - 1).map((length) => good.slice(0, length));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), (bytes) => {
        expect(readIdentity(bytes).ok).toBe(false);
        expect(readIdentity(Uint8Array.of(0x30, 0x82, 0x02, 0x00, ...bytes)).ok).toBe(false);
      }),
    );
    fc.assert(fc.property(cut, (bytes) => !readIdentity(bytes).ok));
    fc.assert(
      fc.property(changed, (bytes) => typeof readIdentity(bytes).ok === 'boolean'),
      { numRuns: 3000 },
    );
    expect(readIdentity(Uint8Array.of(...good, 0)).ok).toBe(false);
    expect(readIdentity(Uint8Array.of(...good, ...good)).ok).toBe(false);
    expect(readIdentity(new Uint8Array(MAX_CERTIFICATE_LENGTH + 1))).toEqual({
      ok: false,
      error: 'the certificate is too large',
    });
    expect(readIdentity(new Uint8Array(50_000_000)).ok).toBe(false);
    const nested = new Uint8Array(MAX_CERTIFICATE_LENGTH).fill(0x30);
    expect(readIdentity(nested).ok).toBe(false);
  });
});
