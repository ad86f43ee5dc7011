import { beforeAll, describe, expect, test } from 'vitest';
import type { MosaicError } from '../domain/errors.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../domain/peers/identity.ts';
import type { ClientProfile, IssueRequest } from './authority.ts';
import { clientProfile, failureOf, requestFor } from './testing/requests.testkit.ts';
import { createForger, type ForgedExtension, type ForgedParts } from './testing/forge.testkit.ts';
import { MALFORMED_VALUES } from './testing/malformed.testkit.ts';
import { type SignerMemory, verifyIssued } from './verify.ts';
import { subjectAltNameExtension } from './x509/build.ts';
import { readCertificate } from './x509/certificate.ts';
import { readCsr } from './x509/csr.ts';
import { encodeIdentityExtension } from './x509/extension.ts';
import { OID } from './x509/oids.ts';
import { pemToDer } from './x509/pem.ts';

const SAN: ForgedExtension = {
  oid: OID.subjectAltName,
  value: new Uint8Array(subjectAltNameExtension(['x.example'], []).extnValue.valueBlock.valueHexView),
};

/** The certificate with the first octet of an extension's value changed, so that the value is of no known type. */
const withExtension = (der: Uint8Array, value: Uint8Array): Uint8Array => {
  const at = der.findIndex((_, start) => value.every((octet, index) => der[start + index] === octet));
  const changed = der.slice();
  changed.set([0x05], at);
  return changed;
};

describe('the check of what an authority issued', () => {
  let forger: Awaited<ReturnType<typeof createForger>>;
  let request: IssueRequest & { readonly profile: ClientProfile };
  let publicKeyInfo: Uint8Array;
  let asked: {
    readonly publicKeyInfo: Uint8Array;
    readonly subject: string;
    readonly notBefore: Date;
    readonly notAfter: Date;
  };
  let identity: readonly [ForgedExtension, ForgedExtension];

  beforeAll(async () => {
    forger = await createForger('work');
    const profile = clientProfile();
    request = { ...(await requestFor(profile)), profile };
    const csr = await readCsr(request.csr);
    if (!csr.ok) throw new Error(csr.error);
    ({ publicKeyInfo } = csr.value);
    const { notBefore, notAfter } = request;
    asked = { publicKeyInfo, subject: profile.grantId, notBefore, notAfter };
    identity = [
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(profile.grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(profile.subjectUserId) },
    ];
  });

  const refusal = async (
    extensions: readonly ForgedExtension[],
    overrides: ForgedParts = {},
  ): Promise<string> => {
    const { der } = await forger.leaf(extensions, { ...asked, ...overrides });
    const error = await failureOf(verifyIssued(request, der, forger.rootPem));
    expect(error.code).toBe('ca_misissued');
    return error.detail ?? '';
  };

  test('accepts what was asked', async () => {
    const { der } = await forger.leaf(identity, asked);
    expect((await verifyIssued(request, der, forger.rootPem)).serial).toBe('2a');
  });

  test('M2-4: the subject-user extension is the asked subject, and the grant extension the asked grant', async () => {
    const [grant, subject] = identity;
    const other = encodeIdentityExtension(crypto.randomUUID());
    expect(await refusal([grant, { ...subject, value: other }])).toMatch(/in: subject user id\.$/);
    expect(await refusal([{ ...grant, value: other }, subject])).toMatch(/in: grant id\.$/);
    expect(
      await refusal([
        { ...grant, value: subject.value },
        { ...subject, value: grant.value },
      ]),
    ).toMatch(/grant id, subject user id/);
    expect(await refusal([])).toMatch(/grant id, subject user id/);
    expect(await refusal([grant, grant, subject])).toMatch(/not readable/);
  });

  test.each(MALFORMED_VALUES)('X-11: a malformed extension is noticed: %s', async (_what, value) => {
    expect(await refusal([{ oid: GRANT_ID_OID, value }, identity[1]])).toMatch(/in: grant id\.$/);
    expect(await refusal([identity[0], { oid: SUBJECT_USER_ID_OID, value }])).toMatch(
      /in: subject user id\.$/,
    );
  });

  test('another key, purpose, usage, subject, issuer, SAN, beginning or end is noticed and named', async () => {
    const later = (date: Date, milliseconds: number): Date => new Date(date.getTime() + milliseconds);
    const { publicKeyInfo: otherKey } = await requestFor(clientProfile()).then(async ({ csr }) => {
      const read = await readCsr(csr);
      if (!read.ok) throw new Error(read.error);
      return read.value;
    });
    expect(await refusal(identity, { publicKeyInfo: otherKey })).toMatch(/in: public key\.$/);
    expect(await refusal(identity, { purpose: OID.serverAuth })).toMatch(/in: extended key usage\.$/);
    expect(await refusal(identity, { subject: 'someone' })).toMatch(/in: subject\.$/);
    expect(await refusal([...identity, SAN])).toMatch(/in: alternative names\.$/);
    expect(await refusal(identity, { issuer: 'someone' })).toMatch(/in: signature of the authority\.$/);
    expect(await refusal(identity, { asAuthority: [OID.basicConstraints] })).toMatch(
      /in: basic constraints\.$/,
    );
    expect(await refusal(identity, { asAuthority: [OID.keyUsage] })).toMatch(/in: key usage\.$/);
    expect(await refusal(identity, { notBefore: later(asked.notBefore, -62_000) })).toMatch(
      /in: start of validity\.$/,
    );
    expect(await refusal(identity, { notBefore: later(asked.notBefore, 2000) })).toMatch(
      /in: start of validity\.$/,
    );
    expect(await refusal(identity, { notAfter: later(asked.notAfter, 2000) })).toMatch(
      /in: end of validity\.$/,
    );
    expect(await refusal(identity, { notAfter: later(asked.notAfter, -2000) })).toMatch(
      /in: end of validity\.$/,
    );
  });

  test('X-1: another authority of the same name is noticed', async () => {
    const rogue = await createForger('work');
    const { der } = await rogue.leaf(identity, asked);
    const error = await failureOf(verifyIssued(request, der, forger.rootPem));
    expect(error.detail).toMatch(/in: signature of the authority\.$/);
  });

  test('X-1: signers that are known spare nothing of the leaf’s own check', async () => {
    const memory: SignerMemory = { last: null };
    const judge = async (der: Uint8Array, intermediates: readonly Uint8Array[] = []): Promise<string> =>
      verifyIssued(request, der, forger.rootPem, intermediates, memory).then(
        () => 'good',
        (error: unknown) => (error as MosaicError).detail ?? '',
      );
    const rogue = await createForger('work');
    const [good, forged] = [await forger.leaf(identity, asked), await rogue.leaf(identity, asked)];
    // A chain that is not good is not remembered.
    const rogueRoot = pemToDer(rogue.rootPem, 'CERTIFICATE');
    if (!rogueRoot.ok) throw new Error(rogueRoot.error);
    expect(await judge(forged.der, [rogueRoot.value])).toMatch(/in: signature of the authority\.$/);
    expect(memory.last).toBeNull();
    expect(await judge(good.der)).toBe('good');
    const known = memory.last;
    expect(known).not.toBeNull();
    expect(await judge(good.der)).toBe('good');
    expect(memory.last).toBe(known);
    // Of the same names, by another key; and each byte of a good signature.
    expect(await judge(forged.der)).toMatch(/in: signature of the authority\.$/);
    const changed = good.der.slice();
    changed.set([(changed.at(-1) ?? 0) ^ 1], changed.length - 1);
    expect(await judge(changed)).toMatch(/in: signature of the authority\.$/);
    expect((await forger.leaf([identity[0]], asked).then(({ der }) => judge(der))).length).toBeGreaterThan(4);
    // Other signers than the known ones are looked at as if none were known.
    expect(await judge(forged.der, [rogueRoot.value])).toMatch(/in: signature of the authority\.$/);
    expect(await judge(good.der, [new Uint8Array(40)])).toMatch(/not readable/);
    await expect(verifyIssued(request, good.der, rogue.rootPem, [], memory)).rejects.toMatchObject({
      code: 'ca_misissued',
    });
    expect(await judge(good.der)).toBe('good');
  });

  test('X-1: intermediates are known byte for byte, as they were when they were looked at', async () => {
    const memory: SignerMemory = { last: null };
    const judge = async (der: Uint8Array, intermediates: readonly Uint8Array[]): Promise<string> =>
      verifyIssued(request, der, forger.rootPem, intermediates, memory).then(
        () => 'good',
        (error: unknown) => (error as MosaicError).detail ?? '',
      );
    const rogue = await createForger('work');
    const [own, foreign] = [forger.rootPem, rogue.rootPem].map((pem) => {
      const der = pemToDer(pem, 'CERTIFICATE');
      if (!der.ok) throw new Error(der.error);
      return der.value;
    });
    if (own === undefined || foreign === undefined) throw new Error('there are two roots');
    const { der } = await forger.leaf(identity, asked);
    const given = own.slice();
    expect(await judge(der, [given])).toBe('good');
    // Each is signed by the next, so that these are known; but the first of them did not sign the leaf.
    const between = await forger.leaf([], { asAuthority: [OID.basicConstraints, OID.keyUsage] });
    const other: SignerMemory = { last: null };
    await expect(verifyIssued(request, der, forger.rootPem, [between.der], other)).rejects.toMatchObject({
      code: 'ca_misissued',
    });
    expect(other.last?.intermediates).toHaveLength(1);
    // As many, of the same names, below the same root: by another key.
    expect(await judge(der, [foreign])).toMatch(/in: signature of the authority\.$/);
    // Whoever gave them may use the memory for something else: what is known does not follow.
    const known = memory.last;
    given.set(foreign.subarray(0, given.length));
    expect(await judge(der, [given])).not.toBe('good');
    expect(await judge(der, [own])).toBe('good');
    // Known again without being looked at again.
    expect(memory.last).toBe(known);
  });

  test('a client certificate for a server profile, and the other way round', async () => {
    const { der } = await forger.leaf(identity, asked);
    const server = {
      ...request,
      profile: { kind: 'front-server', dnsNames: ['x.example'], ipAddresses: [] } as const,
    };
    const error = await failureOf(verifyIssued(server, der, forger.rootPem));
    expect(error.detail).toMatch(/identity extensions, extended key usage, alternative names/);
  });

  test('a root is no leaf; garbage is not readable; no value is ever in the public text', async () => {
    const { der } = await forger.leaf(identity, asked);
    const errors = await Promise.all([
      failureOf(verifyIssued(request, new Uint8Array(40), forger.rootPem)),
      failureOf(verifyIssued(request, der.slice(0, -1), forger.rootPem)),
      failureOf(verifyIssued(request, der, 'x')),
      failureOf(verifyIssued({ ...request, profile: clientProfile() }, der, forger.rootPem)),
    ]);
    for (const error of errors) {
      expect(error.code).toBe('ca_misissued');
      expect(error.detail).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/);
    }
  });

  test.each([
    ['basic constraints', OID.basicConstraints],
    ['key usage', OID.keyUsage],
    ['extended key usage', OID.extendedKeyUsage],
  ])(
    'MUTANTS verify a malformed extension of %s is the authority’s fault, and no failure of ours',
    async (_what, oid) => {
      const { der } = await forger.leaf([...identity], asked);
      const certificate = readCertificate(der);
      if (!certificate.ok) throw new Error(certificate.error);
      const malformed = withExtension(der, certificate.value.extensions.get(oid)?.value ?? new Uint8Array());
      const error = await failureOf(verifyIssued(request, malformed, forger.rootPem));
      expect([error.code, error.detail]).toEqual(['ca_misissued', 'The certificate is malformed.']);
    },
  );
});
