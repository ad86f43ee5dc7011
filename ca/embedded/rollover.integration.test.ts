import { describe, expect, test } from 'vitest';
import { acceptRoots } from '../../src/outbound/renewal/peer-trust.ts';
import { embeddedDeps } from '../testing/embedded.testkit.ts';
import { createForger } from '../testing/forge.testkit.ts';
import { crlNumber, openssl, opensslText } from '../testing/openssl.testkit.ts';
import { clientProfile, failureOf, requestFor } from '../testing/requests.testkit.ts';
import { signCertificate, commonName, rootExtensions } from '../x509/build.ts';
import { derToPem, pemToDer } from '../x509/pem.ts';
import { readCertificate } from '../x509/certificate.ts';
import { createEmbeddedAuthority } from './authority.ts';

const blocks = (pem: string, label = 'CERTIFICATE'): readonly string[] =>
  pem.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n?`, 'g')) ?? [];

const announced = async () => {
  const deps = await embeddedDeps();
  const authority = await createEmbeddedAuthority(deps);
  const oldRoot = await authority.rootPem();
  await authority.roll('announce');
  const trust = await authority.trust();
  const newRoot = blocks(trust.rootsPem)[1] ?? '';
  return { deps, authority, oldRoot, newRoot, trust };
};

describe('rollover of the embedded root', () => {
  test('goes announce, switch, retire, and no other way', async () => {
    const authority = await createEmbeddedAuthority(await embeddedDeps());
    const phases: string[] = [];
    for (const step of ['announce', 'switch', 'retire'] as const) {
      for (const wrong of ['announce', 'switch', 'retire'] as const)
        if (wrong !== step) expect((await failureOf(authority.roll(wrong))).code).toBe('invalid_transition');
      await authority.roll(step);
      phases.push((await authority.rollState()).phase);
    }
    expect(phases).toEqual(['announced', 'switched', 'stable']);
    await authority.roll('announce');
    expect(blocks((await authority.trust()).rootsPem)).toHaveLength(2);
  });

  test('OpenSSL accepts certificates of both roots with the lists of both, and refuses what either list has', async () => {
    const { authority, oldRoot } = await announced();
    const before = await authority.issue(await requestFor(clientProfile()));
    await authority.roll('switch');
    const after = await authority.issue(await requestFor(clientProfile()));
    const gone = await authority.issue(await requestFor(clientProfile()));
    expect(await authority.rootPem()).not.toBe(oldRoot);
    await authority.revoke(gone.serial, 'superseded', new Date());
    const [{ pem: crl }, { rootsPem }] = [await authority.crl(), await authority.trust()];
    expect(blocks(crl, 'X509 CRL')).toHaveLength(2);
    const verify = (leaf: string) =>
      openssl(['verify', '-crl_check', '-CAfile', '@roots', '-CRLfile', '@crl', '@leaf'], {
        roots: rootsPem,
        crl,
        leaf,
      });
    expect([(await verify(before.pem)).code, (await verify(after.pem)).code]).toEqual([0, 0]);
    expect((await verify(gone.pem)).text).toMatch(/revoked/);
  });

  test('the list’s number only rises, on every replica, through every step', async () => {
    const deps = await embeddedDeps();
    const replicas = [await createEmbeddedAuthority(deps), await createEmbeddedAuthority(deps)];
    const numbers: bigint[][] = [[], []];
    const look = async (): Promise<void> => {
      for (const [index, replica] of replicas.entries()) {
        const { number, pem } = await replica.crl();
        expect(await crlNumber(blocks(pem, 'X509 CRL')[0] ?? '')).toBe(number);
        numbers[index]?.push(number);
      }
    };
    await look();
    for (const step of ['announce', 'switch', 'retire'] as const) {
      await replicas[0]?.roll(step);
      await look();
    }
    for (const seen of numbers) {
      expect(seen).toEqual(seen.toSorted((a, b) => (a < b ? -1 : 1)));
      expect(new Set(seen).size).toBe(4);
    }
    expect(new Set(await Promise.all(replicas.map((replica) => replica.rootPem()))).size).toBe(1);
  });

  test('of replicas that take one step at once, one does', async () => {
    const deps = await embeddedDeps();
    const replicas = await Promise.all(Array.from({ length: 4 }, () => createEmbeddedAuthority(deps)));
    const results = await Promise.allSettled(replicas.map((replica) => replica.roll('announce')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const trusts = await Promise.all(replicas.map(async (replica) => (await replica.trust()).rootsPem));
    expect(new Set(trusts).size).toBe(1);
  });
});

describe('what a peer trusts', () => {
  const now = new Date();
  const accept = (pinned: string, rootsPem: string, linksPem: string, at = now) =>
    acceptRoots(pinned, { rootsPem, linksPem }, at);

  test('a new root that a pinned one has announced; one that is retired is given up', async () => {
    const { oldRoot, newRoot, trust } = await announced();
    expect(await accept(oldRoot, trust.rootsPem, trust.linksPem)).toMatchObject({
      ok: true,
      value: { length: 2 },
    });
    const both = `${oldRoot}${newRoot}`;
    expect(await accept(both, newRoot, '')).toMatchObject({ ok: true, value: { length: 1 } });
    expect(await accept(oldRoot, oldRoot, '')).toMatchObject({ ok: true });
    const text = await opensslText(['x509', '-in', '@link', '-noout', '-issuer', '-subject'], {
      link: trust.linksPem,
    });
    expect(text).toMatch(/issuer=CN = Mosaic work\nsubject=CN = Mosaic work G2/);
  });

  test('never a root without a link, with another’s link, or with one that a stranger signed', async () => {
    const { oldRoot, newRoot, trust } = await announced();
    const other = await announced();
    const { rootPem: rogue } = await createForger('Mosaic work G2');
    const rogueLink = await (async () => {
      const der = pemToDer(newRoot, 'CERTIFICATE');
      const info = der.ok ? readCertificate(der.value) : der;
      if (!info.ok) throw new Error('unreadable');
      const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
        'sign',
        'verify',
      ]);
      // The old root's name, but not its key.
      const signed = await signCertificate(
        {
          serial: '1',
          issuer: commonName('Mosaic work'),
          subject: commonName('Mosaic work G2'),
          notBefore: new Date(Date.now() - 60_000),
          notAfter: new Date(Date.now() + 86_400_000),
          publicKeyInfo: info.value.publicKeyInfo,
          extensions: rootExtensions(info.value.publicKeyInfo),
        },
        privateKey,
      );
      return derToPem(signed, 'CERTIFICATE');
    })();
    for (const [roots, links] of [
      [trust.rootsPem, ''],
      [newRoot, ''],
      [newRoot, rogueLink],
      [`${oldRoot}${rogue}`, trust.linksPem],
      [rogue, trust.linksPem],
      [other.trust.rootsPem, other.trust.linksPem],
      [`${oldRoot}${other.newRoot}`, other.trust.linksPem],
      ['', trust.linksPem],
      ['nonsense', ''],
      [oldRoot.repeat(5), ''],
      [newRoot, 'nonsense'],
    ] as const)
      expect(await accept(oldRoot, roots, links)).toMatchObject({ ok: false });
  });

  test('never a leaf in place of a root, and no root whose time is over', async () => {
    const { authority, oldRoot, trust } = await announced();
    const leaf = await authority.issue(await requestFor(clientProfile()));
    expect(await accept(oldRoot, leaf.pem, leaf.pem)).toMatchObject({ ok: false });
    const later = new Date(now.getTime() + 11 * 365 * 86_400_000);
    expect(await accept(oldRoot, trust.rootsPem, trust.linksPem, later)).toMatchObject({ ok: false });
  });
});
