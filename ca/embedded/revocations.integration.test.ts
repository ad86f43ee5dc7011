import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { readCertificate } from '../x509/certificate.ts';
import { openCrl, readCrlHead } from '../x509/crl-read.ts';
import { pemToDer } from '../x509/pem.ts';
import { embeddedDeps as makeDeps } from '../testing/embedded.testkit.ts';
import { clockAt } from '../testing/memory.testkit.ts';
import { opensslText } from '../testing/openssl.testkit.ts';
import { failureOf } from '../testing/requests.testkit.ts';
import { createEmbeddedAuthority } from './authority.ts';

const CRL_SECONDS = 3600;
const DAY = 86_400_000;

describe('the CRL', () => {
  const started = async () => {
    const clock = clockAt(new Date('2030-01-01T00:00:00.250Z'));
    const deps = { ...(await makeDeps()), clock };
    return { clock, deps, authority: await createEmbeddedAuthority(deps) };
  };

  test('is kept while it is young, signed anew in the second half of its life, with a higher number', async () => {
    const { clock, authority } = await started();
    const first = await authority.crl();
    expect(first.thisUpdate).toEqual(new Date('2030-01-01T00:00:00Z'));
    expect(first.nextUpdate.getTime() - first.thisUpdate.getTime()).toBe(CRL_SECONDS * 1000);
    clock.advance((CRL_SECONDS / 2 - 2) * 1000);
    expect((await authority.crl()).number).toBe(first.number);
    clock.advance(2000);
    const second = await authority.crl();
    expect(second.number).toBe(first.number + 1n);
    clock.advance(-DAY);
    const third = await authority.crl();
    expect(third.number).toBe(first.number + 2n);
    expect(third.thisUpdate.getTime()).toBeLessThanOrEqual(clock.now().getTime());
  });

  test('callers at once share one signing', async () => {
    const { authority } = await started();
    const numbers = await Promise.all(Array.from({ length: 20 }, async () => (await authority.crl()).number));
    expect(new Set(numbers).size).toBe(1);
  });

  test('what another replica revoked is in it within seconds', async () => {
    const { clock, deps, authority } = await started();
    const before = await authority.crl();
    await (await createEmbeddedAuthority(deps)).revoke('ab12', 'superseded', clock.now());
    clock.advance(5000);
    const after = await authority.crl();
    expect(after.number > before.number).toBe(true);
    expect(await opensslText(['crl', '-in', '@crl', '-noout', '-text'], { crl: after.pem })).toMatch(
      /AB12[^]*Superseded/,
    );
  });

  test('of two replicas, the list with the higher number is never the poorer one', async () => {
    const deps = await makeDeps();
    // Another replica's revocation commits right after this replica was given its number.
    const nextCrlNumber = async (): Promise<bigint> => {
      const number = await deps.store.nextCrlNumber();
      await deps.store.recordRevocation('ef56', 'superseded', new Date());
      return number;
    };
    const authority = await createEmbeddedAuthority({ ...deps, store: { ...deps.store, nextCrlNumber } });
    const { pem } = await authority.crl();
    expect(await opensslText(['crl', '-in', '@crl', '-noout', '-text'], { crl: pem })).toMatch(/EF56/);
  });

  test('a revocation during a signing is in the next answer', async () => {
    const deps = await makeDeps();
    const inner = deps.store;
    let entered = (): void => undefined;
    let letGo = (): void => undefined;
    const signing = new Promise<void>((resolve) => (entered = resolve));
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const store = {
      ...inner,
      revocations: async (...asked: Parameters<typeof inner.revocations>) => {
        const found = await inner.revocations(...asked);
        entered();
        await gate;
        return found;
      },
    };
    const authority = await createEmbeddedAuthority({ ...deps, store });
    const early = authority.crl();
    await signing;
    await authority.revoke('cd34', 'unspecified', new Date());
    letGo();
    expect(
      await opensslText(['crl', '-in', '@crl', '-noout', '-text'], { crl: (await early).pem }),
    ).not.toMatch(/CD34/);
    const late = await authority.crl();
    expect(await opensslText(['crl', '-in', '@crl', '-noout', '-text'], { crl: late.pem })).toMatch(/CD34/);
    expect(late.number > (await early).number).toBe(true);
  });

  test('10,000 revocations: the list is one OpenSSL accepts, and no step of it holds up others for 100 ms', async () => {
    const { clock, deps, authority } = await started();
    const serialOf = (index: number): string =>
      (0x9000000000000000000000000000000n + BigInt(index)).toString(16);
    for (let index = 0; index < 10_000; index += 1)
      await deps.store.recordRevocation(serialOf(index), 'cessation_of_operation', clock.now());
    await authority.crl();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    for (const serial of ['ab12', 'ab13', 'ab14']) {
      delay.enable();
      await authority.revoke(serial, 'key_compromise', clock.now());
      const { der } = await authority.crl();
      expect(readCrlHead(der)?.number).not.toBeNull();
      delay.disable();
    }
    expect(delay.max / 1e6).toBeLessThan(100);
    const list = await authority.crl();
    const text = await opensslText(['crl', '-in', '@crl', '-noout', '-text'], { crl: list.pem });
    expect(text.match(/Serial Number: /g)).toHaveLength(10_003);
    const root = pemToDer(await authority.rootPem(), 'CERTIFICATE');
    const issuer = root.ok ? readCertificate(root.value) : root;
    if (!issuer.ok) throw new Error(issuer.error);
    const parsed = await openCrl(list.der, issuer.value);
    expect(
      [serialOf(0), serialOf(9_999), 'ab14', 'ab15', serialOf(10_000)].map(
        (one) => parsed.ok && parsed.value.revokes(one),
      ),
    ).toEqual([true, true, true, false, false]);
    expect(
      await opensslText(['crl', '-in', '@crl', '-noout', '-verify', '-CAfile', '@root'], {
        crl: list.pem,
        root: await authority.rootPem(),
      }),
    ).toBeDefined();
  });

  test('what is asked for fresh holds what another replica revoked a moment before', async () => {
    const { clock, deps, authority } = await started();
    const before = await authority.crl();
    await (await createEmbeddedAuthority(deps)).revoke('ab12', 'superseded', clock.now());
    expect((await authority.crl()).number).toBe(before.number);
    const fresh = await authority.crl({ fresh: true });
    expect(fresh.number > before.number).toBe(true);
    expect((await authority.crl({ fresh: true })).number).toBe(fresh.number);
  });

  test('a serial leaves the list when its certificate had ended for the lifetime of a list', async () => {
    const { clock, deps } = await started();
    const asked: Date[] = [];
    const revocations: typeof deps.store.revocations = (endsAfter, ...more) => {
      asked.push(endsAfter);
      return deps.store.revocations(endsAfter, ...more);
    };
    await (await createEmbeddedAuthority({ ...deps, store: { ...deps.store, revocations } })).crl();
    expect(asked).toEqual([new Date(clock.now().getTime() - CRL_SECONDS * 1000)]);
  });

  test.each([59, 91 * 86_400, Number.NaN])(
    'a lifetime of %d seconds is refused at start',
    async (crlLifetimeSeconds) => {
      expect(
        (await failureOf(createEmbeddedAuthority({ ...(await makeDeps()), crlLifetimeSeconds }))).code,
      ).toBe('ca_unavailable');
    },
  );
});
