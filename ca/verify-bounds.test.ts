import { describe, expect, it } from 'vitest';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../domain/peers/identity.ts';
import type { ServerProfile } from './authority.ts';
import { createForger, type ForgedExtension, type ForgedParts } from './testing/forge.testkit.ts';
import { clientProfile, failureOf, requestFor } from './testing/requests.testkit.ts';
import { verifyIssued } from './verify.ts';
import { subjectAltNameExtension } from './x509/build.ts';
import { readCsr } from './x509/csr.ts';
import { encodeIdentityExtension } from './x509/extension.ts';
import { OID } from './x509/oids.ts';

const NOW = new Date(Math.floor(Date.now() / 1_000) * 1_000);
const altNames = (names: readonly string[], addresses: readonly string[]): ForgedExtension => ({
  oid: OID.subjectAltName,
  value: new Uint8Array(subjectAltNameExtension(names, addresses).extnValue.valueBlock.valueHexView),
});

/** What is said of a certificate that differs from what was asked in these parts. */
const verdictOf = async (profile: ReturnType<typeof clientProfile> | ServerProfile) => {
  const forger = await createForger('work');
  const request = { ...(await requestFor(profile, { now: NOW })), profile };
  const csr = await readCsr(request.csr);
  if (!csr.ok) throw new Error(csr.error);
  const { publicKeyInfo } = csr.value;
  const { notBefore, notAfter } = request;
  return async (extensions: readonly ForgedExtension[], over: ForgedParts = {}): Promise<string> => {
    const { der } = await forger.leaf(extensions, { publicKeyInfo, notBefore, notAfter, ...over });
    return verifyIssued(request, der, forger.rootPem).then(
      () => 'good',
      async (error: unknown) => (await failureOf(Promise.reject(error as Error))).detail ?? '',
    );
  };
};

describe('MUTANTS verify at the edges', () => {
  it('a certificate begins as asked or up to a minute earlier, and ends as asked or within the second before', async () => {
    const profile = clientProfile();
    const verdict = await verdictOf(profile);
    const identity = [
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(profile.grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(profile.subjectUserId) },
    ];
    const times = (begin: number, end: number) =>
      verdict(identity, {
        subject: profile.grantId,
        notBefore: new Date(NOW.getTime() + begin),
        notAfter: new Date(NOW.getTime() + 3_600_000 + end),
      });
    for (const begin of [0, -1_000, -60_000]) expect(await times(begin, 0)).toBe('good');
    for (const begin of [1_000, -61_000]) expect(await times(begin, 0)).toMatch(/in: start of validity\.$/);
    for (const end of [1_000, -1_000]) expect(await times(0, end)).toMatch(/in: end of validity\.$/);
  });

  it('a server’s certificate has the names and addresses that were asked, in any order, and no identity at all', async () => {
    const profile = {
      kind: 'front-server',
      dnsNames: ['b.example', 'a.example'],
      ipAddresses: ['127.0.0.1', '::1'],
    } as const;
    const verdict = await verdictOf(profile);
    const purpose = { purpose: OID.serverAuth };
    expect(await verdict([altNames(['a.example', 'b.example'], ['::1', '127.0.0.1'])], purpose)).toBe('good');
    for (const [names, addresses] of [
      [
        ['a.example', 'b.example'],
        ['127.0.0.1', '::2'],
      ],
      [['a.example', 'b.example'], ['127.0.0.1']],
      [['a.example'], ['127.0.0.1', '::1']],
      [
        ['a.example', 'b.example', 'c.example'],
        ['127.0.0.1', '::1'],
      ],
    ] as const)
      expect(await verdict([altNames(names, addresses)], purpose)).toMatch(/in: alternative names\.$/);
    const same = altNames(profile.dnsNames, profile.ipAddresses);
    for (const oid of [GRANT_ID_OID, SUBJECT_USER_ID_OID]) {
      const value = encodeIdentityExtension(crypto.randomUUID());
      expect(await verdict([same, { oid, value }], purpose)).toMatch(/in: identity extensions\.$/);
    }
    expect(await verdict([same])).toMatch(/in: extended key usage\.$/);
  });

  it('a key that may do anything besides signing is not what was asked', async () => {
    const profile = clientProfile();
    const verdict = await verdictOf(profile);
    const identity = [
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(profile.grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(profile.subjectUserId) },
    ];
    const bits = (octet: number) =>
      verdict([...identity, { oid: OID.keyUsage, value: Uint8Array.of(0x03, 0x02, 0x00, octet) }], {
        subject: profile.grantId,
        without: [OID.keyUsage],
      });
    expect(await bits(0x80)).toBe('good');
    for (const other of [0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01])
      for (const octet of [other, other | 0x80]) expect(await bits(octet)).toMatch(/in: key usage\.$/);
    // An authority may leave the usage out: then the purpose alone says what the key is for.
    expect(await verdict(identity, { subject: profile.grantId, without: [OID.keyUsage] })).toBe('good');
  });

  it('an operator is told which of the certificates cannot be read, and the log why', async () => {
    const profile = clientProfile();
    const request = { ...(await requestFor(profile)), profile };
    const { leaf, rootPem } = await createForger('work');
    const { der } = await leaf([]);
    const [none, intermediate, root] = await Promise.all(
      [
        verifyIssued(request, new Uint8Array(40), rootPem),
        verifyIssued(request, der, rootPem, [new Uint8Array(40)]),
        verifyIssued(request, der, 'x'),
      ].map(failureOf),
    );
    expect(none?.detail).toBe('The authority’s certificate is not readable.');
    expect(intermediate?.detail).toBe('The authority’s chain is not readable.');
    expect(root?.detail).toBe('The authority’s root is not readable.');
    for (const error of [none, intermediate])
      expect(error?.cause).toMatchObject({ message: /the certificate/ });
    expect(root?.cause).toEqual(new Error('there is text outside the PEM blocks'));
  });
});
