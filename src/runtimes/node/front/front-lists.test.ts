import { beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedAuthority } from '../../../../ca/embedded/authority.ts';
import { embeddedDeps } from '../../../../ca/testing/embedded.testkit.ts';
import type { Crl } from '../../../../ca/authority.ts';
import { listFault, newestLists, numbersIn, numbersOf, sharedIssuers } from './front-lists.ts';

/** An authority of a name, its root, and two of its lists: the second one has a revocation more. */
const authorityOf = async (commonName: string) => {
  const authority = await createEmbeddedAuthority({ ...(await embeddedDeps()), commonName });
  const first = await authority.crl();
  await authority.revoke('abc', 'superseded', new Date());
  return { root: await authority.rootPem(), first, second: await authority.crl({ fresh: true }) };
};
type Made = Awaited<ReturnType<typeof authorityOf>>;

let x: Made;
let y: Made;
let namesake: Made;
beforeAll(async () => {
  [x, y, namesake] = [await authorityOf('X'), await authorityOf('Y'), await authorityOf('X')];
});

const both = (one: Crl, other: Crl): Crl => ({ ...one, pem: `${one.pem}${other.pem}`, others: [other] });

describe('lists of a front', () => {
  const issuers = () => sharedIssuers(`${x.root}${y.root}`, `${y.root}${x.root}`);

  it('X-53 of each authority the newer one, whichever replica brings it', () => {
    const there = `${x.second.pem}${y.first.pem}`;
    expect(newestLists(there, `${x.first.pem}${y.second.pem}`, issuers())).toBe(
      `${x.second.pem}${y.second.pem}`,
    );
    expect(newestLists(there, `${y.first.pem}${x.first.pem}`, issuers())).toBe(there);
    expect(newestLists(undefined, x.first.pem, issuers())).toBe(x.first.pem);
  });

  it('keep what is there of an authority that is trusted and gives none now, and nothing of one that is not', () => {
    const there = `${x.first.pem}${y.second.pem}`;
    expect(newestLists(there, x.second.pem, issuers())).toBe(`${x.second.pem}${y.second.pem}`);
    expect(newestLists(there, x.second.pem, sharedIssuers(`${x.root}${y.root}`, x.root))).toBe(x.second.pem);
    expect(newestLists(there, x.first.pem, sharedIssuers(`${x.root}${y.root}`, x.root))).toBe(x.first.pem);
  });

  it('count nothing of another authority of the same name', () => {
    const shared = sharedIssuers(namesake.root, x.root);
    expect(shared.size).toBe(0);
    expect(newestLists(namesake.second.pem, x.first.pem, shared)).toBe(x.first.pem);
    expect(numbersIn(namesake.second.pem, shared).size).toBe(0);
  });

  it('leave to nginx to refuse what is no list', () => {
    const spoilt = x.second.pem.replace(/^[A-Za-z0-9+/]{64}$/m, 'A'.repeat(64));
    for (const bad of ['', 'nonsense', spoilt])
      expect(newestLists(x.first.pem, bad, issuers())).toContain(bad.trim());
    expect(newestLists(x.first.pem, '', issuers())).toBe('');
  });

  it('X-53 are refused when one of them is older than it was, however new the other is', () => {
    const now = new Date();
    const floors = numbersOf(both(x.second, y.first));
    expect([...floors.values()]).toEqual([x.second.number, y.first.number]);
    expect(listFault(both(x.second, y.second), floors, now)).toBeNull();
    expect(listFault(both(y.second, x.second), floors, now)).toBeNull();
    expect(listFault(both(x.first, y.second), floors, now)).toMatch(/is below/);
    expect(listFault(both(y.second, x.first), floors, now)).toMatch(/is below/);
    expect(listFault(y.first, floors, now)).toBeNull();
    expect(listFault(x.second, floors, new Date(now.getTime() + 10 * 86_400_000))).toMatch(/expired/);
  });
});
