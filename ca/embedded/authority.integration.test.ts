import { describe, expect, test } from 'vitest';
import { describeAuthorityContract } from '../authority.testkit.ts';
import { opensslText } from '../testing/openssl.testkit.ts';
import { clockAt, createMemorySecrets, createTestSealer } from '../testing/memory.testkit.ts';
import { embeddedDeps as makeDeps } from '../testing/embedded.testkit.ts';
import { clientProfile, failureOf, requestFor } from '../testing/requests.testkit.ts';
import { createEmbeddedAuthority } from './authority.ts';

const DAY = 86_400_000;

describeAuthorityContract('embedded', async () => createEmbeddedAuthority(await makeDeps()));

describe('the root', () => {
  test('is P-256, signs leaves and CRLs only, and lives ten years', async () => {
    const authority = await createEmbeddedAuthority(await makeDeps());
    const root = await authority.rootPem();
    const text = await opensslText(['x509', '-in', '@root', '-noout', '-text'], { root });
    expect(text).toMatch(/CA:TRUE, pathlen:0/);
    expect(text).toMatch(/Key Usage: critical\n *Certificate Sign, CRL Sign *\n/);
    expect(text).toMatch(/NIST CURVE: P-256/);
    expect(text).toMatch(/Subject: CN = Mosaic work/);
    expect(await opensslText(['verify', '-x509_strict', '-CAfile', '@root', '@root'], { root })).toMatch(
      /OK/,
    );
    await opensslText(['x509', '-in', '@root', '-noout', '-checkend', String(3650 * 86_400)], { root });
  });

  test('replicas that start at once, and those that start later, are one authority', async () => {
    const deps = await makeDeps();
    const replicas = await Promise.all(Array.from({ length: 4 }, () => createEmbeddedAuthority(deps)));
    replicas.push(await createEmbeddedAuthority({ ...deps, commonName: 'a later name' }));
    const roots = await Promise.all(replicas.map((replica) => replica.rootPem()));
    expect(new Set(roots).size).toBe(1);
  });

  test('M2-5: nothing in the store is readable, and it opens under its own name only', async () => {
    const secrets = createMemorySecrets();
    const deps = { ...(await makeDeps()), secrets };
    await createEmbeddedAuthority(deps);
    const stored = [...secrets.all.values()].join();
    expect(stored + atob(stored)).not.toMatch(/PRIVATE|BEGIN|private_key/);
    await expect(deps.sealer.open(stored, 'gateway_secrets/cursor_mac')).rejects.toMatchObject({
      code: 'internal',
    });
  });

  test('X-50: another sealing key is a clear failure at start, and the root is not replaced', async () => {
    const deps = await makeDeps();
    const root = await (await createEmbeddedAuthority(deps)).rootPem();
    const error = await failureOf(createEmbeddedAuthority({ ...deps, sealer: await createTestSealer() }));
    expect(error.code).toBe('ca_unavailable');
    expect(error.detail).toMatch(/sealing key/);
    expect(error.cause).toBeInstanceOf(Error);
    expect(await (await createEmbeddedAuthority(deps)).rootPem()).toBe(root);
  });

  test('a key that does not fit the certificate is refused', async () => {
    const deps = await makeDeps();
    const [one, other] = [createMemorySecrets(), createMemorySecrets()];
    await createEmbeddedAuthority({ ...deps, secrets: one });
    await createEmbeddedAuthority({ ...deps, secrets: other });
    const open = async (secrets: typeof one): Promise<Record<string, unknown>> => {
      const [name, sealed] = [...secrets.all][0] ?? ['', ''];
      return JSON.parse(
        new TextDecoder().decode(await deps.sealer.open(sealed, `gateway_secrets/${name}`)),
      ) as Record<string, unknown>;
    };
    const mixed = { ...(await open(one)), private_key: (await open(other))['private_key'] };
    const sealed = await deps.sealer.seal(
      new TextEncoder().encode(JSON.stringify(mixed)),
      'gateway_secrets/embedded_ca_root',
    );
    const secrets = createMemorySecrets();
    secrets.all.set('embedded_ca_root', sealed);
    const error = await failureOf(createEmbeddedAuthority({ ...deps, secrets }));
    expect(error.code).toBe('ca_unavailable');
    expect(String(error.cause)).toMatch(/does not fit/);
  });
});

describe('failures', () => {
  const broken = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED'));

  test('a store that is down is ca_unavailable with its cause, and nothing of it in the public text', async () => {
    const deps = await makeDeps();
    const store = { ...deps.store, recordRevocation: broken, revocations: broken, nextCrlNumber: broken };
    const authority = await createEmbeddedAuthority({ ...deps, store });
    const errors = await Promise.all([
      failureOf(authority.crl()),
      failureOf(authority.revoke('ab', 'unspecified', new Date())),
      failureOf(createEmbeddedAuthority({ ...deps, secrets: { get: broken, putIfAbsent: broken } })),
    ]);
    for (const error of errors) {
      expect(error.code).toBe('ca_unavailable');
      expect(String(error.cause)).toMatch(/ECONNREFUSED/);
      expect(error.message).not.toMatch(/ECONNREFUSED/);
    }
  });

  test('after a failure the next call works', async () => {
    const deps = await makeDeps();
    let isDown = true;
    const nextCrlNumber = (): Promise<bigint> => (isDown ? broken() : deps.store.nextCrlNumber());
    const authority = await createEmbeddedAuthority({ ...deps, store: { ...deps.store, nextCrlNumber } });
    await failureOf(authority.crl());
    isDown = false;
    expect((await authority.crl()).number).toBe(1n);
  });

  test.each(['', '0', '00ab', 'AB', '0xab', 'x', 'a'.repeat(41)])(
    '%j is no serial number',
    async (serial) => {
      const authority = await createEmbeddedAuthority(await makeDeps());
      expect((await failureOf(authority.revoke(serial, 'unspecified', new Date()))).code).toBe(
        'ca_unavailable',
      );
    },
  );

  test('profiles that make no sense are refused', async () => {
    const authority = await createEmbeddedAuthority(await makeDeps());
    const front = { kind: 'front-server' } as const;
    const profiles = [
      { ...clientProfile(), grantId: 'x' },
      { ...clientProfile(), subjectUserId: clientProfile().grantId.toUpperCase() },
      { ...front, dnsNames: [], ipAddresses: [] },
      { ...front, dnsNames: ['*.example.com'], ipAddresses: [] },
      { ...front, dnsNames: [], ipAddresses: ['1.2.3'] },
    ];
    for (const profile of profiles) {
      const error = await failureOf(authority.issue(await requestFor(profile)));
      expect(error.code).toBe('ca_unavailable');
    }
  });

  test('a certificate begins neither long ago nor ends after the root', async () => {
    const clock = clockAt(new Date());
    const authority = await createEmbeddedAuthority({ ...(await makeDeps()), clock });
    const past = await requestFor(clientProfile(), { now: new Date(clock.now().getTime() - 61_000) });
    expect((await failureOf(authority.issue(past))).code).toBe('ca_unavailable');
    clock.advance(3650 * DAY);
    const late = await requestFor(clientProfile(), { now: clock.now(), lifetimeMs: 30 * DAY });
    expect((await failureOf(authority.issue(late))).detail).toMatch(/outlive/);
  });
});
